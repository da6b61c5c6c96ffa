//! The command language before an operator who types anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msm_config::command;

/// Lines of one input: none of them has to do with the others, so that few make for many inputs.
const LINES: usize = 2;

fuzz_target!(|bytes: &[u8]| {
    // Lines that are not UTF-8 are refused before the language sees them.
    let Ok(script) = std::str::from_utf8(bytes) else { return };
    for line in script.lines().take(LINES) {
        match command::parse(line) {
            Ok(parsed) => assert_eq!(command::parse(line), Ok(parsed), "one line, one meaning"),
            Err(fault) => assert!(!fault.render(line).is_empty(), "a fault says something"),
        }
        let _ = command::question(line);
        let (at, _) = command::choices(line);
        assert!(line.is_char_boundary(at), "what a completion replaces begins at a character of the line");
    }
});
