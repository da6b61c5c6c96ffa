//! Names that operators give: VLANs, accounts.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// Longest name in characters.
pub const NAME_MAX: usize = 32;

/// A name: a letter, then letters, digits and `_ - .`, 32 at most. Letters' case is kept and does not distinguish.
#[derive(Clone, Debug)]
pub struct Name(Arc<str>);

impl Name {
    /// As it was first given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing in it.
    #[error("a name has at least one character")]
    Empty,
    /// Over [`NAME_MAX`].
    #[error("a name of {0} characters is too long; {NAME_MAX} at most")]
    Long(usize),
    /// A character that names do not have there.
    #[error("a name cannot have '{0}' there; a letter first, then letters, digits, _ - and .")]
    Character(char),
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let length = text.chars().count();
        if length > NAME_MAX {
            return Err(BadName::Long(length));
        }
        let mut letters = text.chars();
        match letters.next() {
            None => return Err(BadName::Empty),
            Some(first) if !first.is_ascii_alphabetic() => return Err(BadName::Character(first)),
            Some(_) => {}
        }
        match letters.find(|c| !c.is_ascii_alphanumeric() && !"_-.".contains(*c)) {
            Some(bad) => Err(BadName::Character(bad)),
            None => Ok(Self(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_kept_and_does_not_distinguish() {
        let (a, b): (Name, Name) = ("Default".parse().expect("a name"), "dEFAULT".parse().expect("a name"));
        assert_eq!(a, b);
        assert_eq!(a.cmp(&b), Ordering::Equal);
        assert_eq!(a.to_string(), "Default");
    }

    #[test]
    fn what_is_no_name_is_refused_by_what_is_wrong_with_it() {
        assert_eq!("".parse::<Name>(), Err(BadName::Empty));
        assert_eq!("1a".parse::<Name>(), Err(BadName::Character('1')));
        assert_eq!("a b".parse::<Name>(), Err(BadName::Character(' ')));
        assert_eq!("é".parse::<Name>(), Err(BadName::Character('é')));
        assert_eq!("a".repeat(33).parse::<Name>(), Err(BadName::Long(33)));
        assert!("a".repeat(32).parse::<Name>().is_ok());
    }
}
