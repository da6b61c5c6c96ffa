//! The machine's apt sources, in both of apt's formats (sources.list(5)), as far as finding its mirror needs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One archive that offers binary packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Archive {
    pub(super) uri: String,
    pub(super) suites: Vec<String>,
    pub(super) components: Vec<String>,
    /// The value of Signed-By as written, further lines included (it may hold a whole key); none: apt's own keyrings.
    pub(super) signed_by: Option<String>,
}

impl Archive {
    /// A deb822 source for another suite of the same archive, checked with the same key.
    pub(super) fn source_for(&self, suite: &str) -> String {
        let mut text = format!("Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\n", self.uri);
        if let Some(signed_by) = &self.signed_by {
            text.push_str("Signed-By: ");
            text.push_str(signed_by);
            text.push('\n');
        }
        text
    }
}

/// All archives of the machine, in the order apt reads their files.
pub(super) fn of_machine(etc_apt: &Path) -> Result<Vec<Archive>> {
    let mut files = vec![etc_apt.join("sources.list")];
    let parts = etc_apt.join("sources.list.d");
    if let Ok(entries) = fs::read_dir(&parts) {
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        found.sort();
        files.extend(found);
    }
    let mut archives = Vec::new();
    for file in files {
        let parse = match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => parse_one_line,
            Some("sources") => parse_deb822,
            _ => continue,
        };
        if file.is_file() {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("reading the apt sources in {}", file.display()))?;
            archives.extend(parse(&text));
        }
    }
    Ok(archives)
}

/// `deb [option=value ...] uri suite component...`, one a line.
fn parse_one_line(text: &str) -> Vec<Archive> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Archive> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    if !rest.starts_with([' ', '\t', '[']) {
        return None; // deb-src
    }
    let rest = rest.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let signed_by = options
        .split_whitespace()
        .find_map(|option| option.strip_prefix("signed-by="))
        .map(|value| value.replace(',', " "));
    let mut words = rest.split_whitespace().map(str::to_owned);
    let uri = words.next()?;
    let suite = words.next()?;
    Some(Archive { uri, suites: vec![suite], components: words.collect(), signed_by })
}

/// Stanzas of `Field: value`, further lines of a value indented; comments and `Enabled: no` count for nothing.
fn parse_deb822(text: &str) -> Vec<Archive> {
    let mut archives = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')).chain([""]) {
        if line.trim().is_empty() {
            archives.extend(archives_of(&fields));
            fields.clear();
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push('\n');
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    archives
}

fn archives_of(fields: &[(String, String)]) -> Vec<Archive> {
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    let words = |name: &str| -> Vec<String> {
        field(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let disabled =
        field("enabled").is_some_and(|value| ["no", "false", "without", "off", "disable"].contains(&value));
    if disabled || !words("types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    words("uris")
        .into_iter()
        .map(|uri| Archive {
            uri,
            suites: words("suites"),
            components: words("components"),
            signed_by: field("signed-by").map(str::to_owned),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(uri: &str, suites: &[&str], components: &[&str], signed_by: Option<&str>) -> Archive {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Archive {
            uri: uri.to_owned(),
            suites: owned(suites),
            components: owned(components),
            signed_by: signed_by.map(str::to_owned),
        }
    }

    #[test]
    fn one_line_format() {
        let text = "\
# a comment
deb http://mirror.example/debian stable main contrib # and another
deb-src http://mirror.example/debian stable main
deb [ arch=amd64 signed-by=/usr/share/keyrings/a.gpg,/b.gpg ] http://mirror.example/debian stable-updates main
deb\t[signed-by=/c.gpg]http://other.example/x ./

";
        assert_eq!(
            parse_one_line(text),
            [
                archive("http://mirror.example/debian", &["stable"], &["main", "contrib"], None),
                archive(
                    "http://mirror.example/debian",
                    &["stable-updates"],
                    &["main"],
                    Some("/usr/share/keyrings/a.gpg /b.gpg")
                ),
                archive("http://other.example/x", &["./"], &[], Some("/c.gpg")),
            ]
        );
    }

    #[test]
    fn deb822_format() {
        let text = "\
# Generated
Types: deb deb-src
# in the middle of a stanza
URIs: http://mirror.example/debian http://second.example/debian
suites: stable
  stable-updates
Components: main
Signed-By: /usr/share/keyrings/a.gpg

Types: deb-src
URIs: http://mirror.example/debian
Suites: stable

Enabled: no
Types: deb
URIs: http://off.example/
Suites: stable
";
        let suites = ["stable", "stable-updates"];
        let key = Some("/usr/share/keyrings/a.gpg");
        assert_eq!(
            parse_deb822(text),
            [
                archive("http://mirror.example/debian", &suites, &["main"], key),
                archive("http://second.example/debian", &suites, &["main"], key),
            ]
        );
    }

    #[test]
    fn a_key_inside_the_source_is_carried_along() {
        let text = "Types: deb\nURIs: http://m.example/\nSuites: s\nComponents: main\nSigned-By:\n -----BEGIN\n .\n abc\n";
        let found = parse_deb822(text);
        assert_eq!(found.len(), 1);
        assert_eq!(
            parse_deb822(&found[0].source_for("other")),
            [Archive { suites: vec!["other".to_owned()], ..found[0].clone() }]
        );
    }
}
