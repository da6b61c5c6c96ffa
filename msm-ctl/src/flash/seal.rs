//! A sealed text: a first line that says what it is, and a last line that shows whether all of it is there, unchanged.
//!
//! Both are comments of the configuration's language, so that a file of the flash can be read and loaded as it is.

use super::error::Fault;

/// Format of all kinds of files now.
const FORMAT: &str = "1";
/// Begins the last line.
const TRAILER: &str = "# Checksum crc32 ";

/// `body` as the file of a `kind`. `notes` are words for the first line. A body that does not end its last line gets that end.
pub(super) fn seal(kind: &'static str, notes: &str, body: &str) -> Result<Vec<u8>, Fault> {
    // A file cut behind such a line could pass for a whole one.
    if body.lines().any(|line| line.starts_with(TRAILER)) {
        return Err(Fault::Meaning(format!("a line of it begins with \"{}\"", TRAILER.trim_end())));
    }
    let mut text = first(kind);
    text.push_str(FORMAT);
    if !notes.is_empty() {
        text.push(' ');
        text.push_str(notes);
    }
    text.push('\n');
    text.push_str(body);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let trailer = trailer(text.as_bytes());
    text.push_str(&trailer);
    Ok(text.into_bytes())
}

/// Notes and body of the file of a `kind`.
pub(super) fn unseal<'a>(kind: &'static str, bytes: &'a [u8]) -> Result<(&'a str, &'a str), Fault> {
    let first = first(kind);
    if !bytes.starts_with(first.as_bytes()) {
        return Err(if first.as_bytes().starts_with(bytes) { Fault::Torn } else { Fault::Foreign(kind) });
    }
    let lines = bytes.strip_suffix(b"\n").ok_or(Fault::Torn)?;
    let last = lines.iter().rposition(|&byte| byte == b'\n').ok_or(Fault::Torn)? + 1;
    let (covered, last) = bytes.split_at(last);
    if !last.starts_with(TRAILER.as_bytes()) {
        return Err(Fault::Torn);
    }
    if last != trailer(covered).as_bytes() {
        let has = covered.len() as u64;
        return Err(match length(last) {
            Some(says) if says != has => Fault::Length { has, says },
            _ => Fault::Changed { is: crc32fast::hash(covered) },
        });
    }
    let text = std::str::from_utf8(covered).map_err(|error| Fault::NotUtf8 { at: error.valid_up_to() })?;
    let (head, body) = text.split_once('\n').ok_or(Fault::Torn)?;
    let words = head.get(first.len()..).unwrap_or_default();
    let (format, notes) = words.split_once(' ').unwrap_or((words, ""));
    if format != FORMAT {
        return Err(Fault::Format(format.chars().take(20).collect()));
    }
    Ok((notes, body))
}

fn first(kind: &str) -> String {
    format!("# msm {kind} ")
}

fn trailer(covered: &[u8]) -> String {
    format!("{TRAILER}{:08x} length {}\n", crc32fast::hash(covered), covered.len())
}

/// Length that a last line gives.
fn length(last: &[u8]) -> Option<u64> {
    let words = std::str::from_utf8(last).ok()?;
    words.strip_suffix('\n')?.rsplit_once(" length ")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_out_as_it_was() {
        for (notes, body) in [("", ""), ("a b", "x\n"), ("", "# comment\nä\n")] {
            let bytes = seal("note", notes, body).expect("sealed");
            assert_eq!(unseal("note", &bytes), Ok((notes, body)));
        }
        let bytes = seal("note", "", "x").expect("sealed");
        assert_eq!(unseal("note", &bytes), Ok(("", "x\n")));
    }

    #[test]
    fn each_fault_has_its_name() {
        let good = String::from_utf8(seal("note", "", "hello\nworld\n").expect("sealed")).expect("text");
        let fault = |text: &str| unseal("note", text.as_bytes()).expect_err("faulty");
        assert_eq!(fault(""), Fault::Torn);
        assert_eq!(fault("# msm no"), Fault::Torn);
        assert_eq!(fault("create vlan x\n"), Fault::Foreign("note"));
        assert_eq!(fault("# msm note 1\nhello\n"), Fault::Torn);
        assert_eq!(fault(&good[..good.len() - 1]), Fault::Torn);
        assert_eq!(fault(&good.replace("world\n", "")), Fault::Length { has: 19, says: 25 });
        assert!(matches!(fault(&good.replace("world", "words")), Fault::Changed { .. }));
        let resealed = |text: &[u8]| [text, trailer(text).as_bytes()].concat();
        assert_eq!(unseal("note", &resealed(b"# msm note 1\n\xff\n")), Err(Fault::NotUtf8 { at: 13 }));
        assert_eq!(unseal("note", &resealed(b"# msm note 2\nx\n")), Err(Fault::Format("2".into())));
    }

    #[test]
    fn a_seal_inside_a_body_is_refused() {
        let inner = String::from_utf8(seal("note", "", "x\n").expect("sealed")).expect("text");
        assert!(matches!(seal("note", "", &inner), Err(Fault::Meaning(_))));
    }
}
