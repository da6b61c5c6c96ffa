//! Who may use the switch (`create|configure|delete account`).

use std::collections::BTreeMap;
use std::fmt;

use super::{Refusal, render::Text};
use crate::name::Name;

/// Accounts at once.
const ACCOUNTS_MAX: usize = 16;
/// Longest hash in PHC form that is taken; ours have 97 characters.
pub const HASH_MAX: usize = 200;

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look.
    User,
    /// Configure too.
    Admin,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Admin => "admin",
        })
    }
}

/// A password on its way, or what is kept of one.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// As typed. Never leaves the process that read it.
    Plain(String),
    /// argon2 in PHC form.
    Hash(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// What it may do.
    pub access: Access,
    /// Hash of its password; none: it cannot log in over the network.
    pub hash: Option<String>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({}, password: {})", self.access, self.hash.is_some())
    }
}

/// All accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// By name.
    pub by_name: BTreeMap<Name, Account>,
}

/// A change of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// `create account`
    Create {
        /// What it may do.
        access: Access,
        /// Its name.
        name: Name,
        /// Its password.
        secret: Option<Secret>,
    },
    /// `configure account`
    Password {
        /// Whose.
        name: Name,
        /// What.
        secret: Secret,
    },
    /// `configure account ... access`
    Access {
        /// Whose.
        name: Name,
        /// What it may do.
        access: Access,
    },
    /// `delete account`
    Delete(Name),
}

impl Accounts {
    /// The manual's two, without passwords.
    pub(super) fn factory() -> Self {
        let account = |name: &str, access| {
            (name.parse().expect("a name of our own is a name"), Account { access, hash: None })
        };
        Self { by_name: [account("admin", Access::Admin), account("user", Access::User)].into() }
    }

    pub(super) fn apply(&mut self, change: &AccountChange) -> Result<(), Refusal> {
        match change {
            AccountChange::Create { access, name, secret } => {
                if let Some((given, _)) = self.by_name.get_key_value(name) {
                    return Err(Refusal::AccountExists(given.clone()));
                }
                if self.by_name.len() == ACCOUNTS_MAX {
                    return Err(Refusal::TooMany { what: "accounts", most: ACCOUNTS_MAX });
                }
                let hash = secret.as_ref().map(hash).transpose()?;
                self.by_name.insert(name.clone(), Account { access: *access, hash });
            }
            AccountChange::Password { name, secret } => {
                let hash = hash(secret)?;
                let account = self.by_name.get_mut(name).ok_or_else(|| Refusal::NoAccount(name.clone()))?;
                account.hash = Some(hash);
            }
            AccountChange::Access { name, access } => {
                if *access == Access::User {
                    self.spare(name)?;
                }
                let account = self.by_name.get_mut(name).ok_or_else(|| Refusal::NoAccount(name.clone()))?;
                account.access = *access;
            }
            AccountChange::Delete(name) => {
                self.spare(name)?;
                self.by_name.remove(name);
            }
        }
        Ok(())
    }

    /// Whether somebody else may configure.
    fn spare(&self, name: &Name) -> Result<(), Refusal> {
        let account = self.by_name.get(name).ok_or_else(|| Refusal::NoAccount(name.clone()))?;
        let admins = self.by_name.values().filter(|account| account.access == Access::Admin).count();
        match account.access == Access::Admin && admins == 1 {
            true => Err(Refusal::LastAdmin(name.clone())),
            false => Ok(()),
        }
    }

    /// Differences to the factory's two. Who may configure comes first: there is one at each step.
    pub(super) fn render(&self, out: &mut Text) {
        out.section("Account Configuration");
        let factory = Self::factory();
        for wanted in [Access::Admin, Access::User] {
            for (name, account) in self.by_name.iter().filter(|(_, account)| account.access == wanted) {
                let (name, access) = (name.clone(), account.access);
                let secret = account.hash.clone().map(Secret::Hash);
                match factory.by_name.get(&name) {
                    None => out.line(&AccountChange::Create { access, name, secret }),
                    Some(known) => {
                        if known.access != access {
                            out.line(&AccountChange::Access { name: name.clone(), access });
                        }
                        if let Some(secret) = secret {
                            out.line(&AccountChange::Password { name, secret });
                        }
                    }
                }
            }
        }
        for name in factory.by_name.keys().filter(|name| !self.by_name.contains_key(*name)) {
            out.line(&AccountChange::Delete(name.clone()));
        }
    }
}

fn hash(secret: &Secret) -> Result<String, Refusal> {
    match secret {
        Secret::Plain(_) => Err(Refusal::PlainPassword),
        Secret::Hash(hash) => {
            let phc = hash.starts_with("$argon2")
                && hash.len() <= HASH_MAX
                && hash.split('$').count() >= 5
                && hash.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
            if phc { Ok(hash.clone()) } else { Err(Refusal::BadHash) }
        }
    }
}

impl fmt::Display for AccountChange {
    /// A password that is not hashed is written as stars: such a text cannot be carried out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |secret: &Secret| match secret {
            Secret::Plain(_) => "encrypted \"***\"".to_owned(),
            Secret::Hash(hash) => format!("encrypted \"{hash}\""),
        };
        match self {
            Self::Create { access, name, secret: None } => write!(f, "create account {access} \"{name}\""),
            Self::Create { access, name, secret: Some(secret) } => {
                write!(f, "create account {access} \"{name}\" {}", shown(secret))
            }
            Self::Password { name, secret } => write!(f, "configure account \"{name}\" {}", shown(secret)),
            Self::Access { name, access } => write!(f, "configure account \"{name}\" access {access}"),
            Self::Delete(name) => write!(f, "delete account \"{name}\""),
        }
    }
}
