//! Who is at the other end of a local connection, and what they may do.

use std::fmt;

use msm_config::Config;
use msm_config::model::Access;
use tokio::net::UnixStream;

use crate::process;

/// A Unix user, with the process that connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    uid: u32,
    pid: Option<i32>,
    /// Of /etc/passwd.
    name: Option<String>,
}

impl Who {
    /// The peer, as the kernel knows it.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn at(stream: &UnixStream) -> Result<Self, String> {
        let (uid, _) = process::peer_uid(stream).map_err(|e| e.to_string())?;
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        Ok(Self { uid, pid, name: user(uid) })
    }

    /// Name of the user, or the uid of one without.
    pub(crate) fn user(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.uid.to_string())
    }

    /// The process that connected.
    pub(crate) fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Root administers whatever is configured.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// What it may do: root everything, the others what the account of their name may, or look.
    pub(crate) fn access(&self, config: &Config) -> Access {
        if self.is_root() {
            return Access::Admin;
        }
        let name = self.name.as_deref().and_then(|name| name.parse().ok());
        let account = name.and_then(|name| config.accounts.by_name.get(&name));
        account.map_or(Access::User, |account| account.access)
    }

    /// Why it may not do what it asked for.
    pub(crate) fn may_only_look(&self) -> String {
        let name = self.name.as_deref().unwrap_or("NAME");
        format!(
            "{self} may look and not configure; an administrator can: create account admin {name} (or configure account {name} access admin)"
        )
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}")?,
            None => write!(f, "uid {}", self.uid)?,
        }
        match self.pid {
            Some(pid) => write!(f, " (local, pid {pid})"),
            None => f.write_str(" (local)"),
        }
    }
}

/// Name of a uid in /etc/passwd.
fn user(uid: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line =
        users.lines().find(|line| line.split(':').nth(2).and_then(|id| id.parse().ok()) == Some(uid))?;
    line.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use msm_config::Facts;
    use msm_config::model::script;
    use std::sync::Arc;

    fn config(commands: &str) -> Config {
        let facts = Facts {
            ports: [0].into(),
            netdevs: Default::default(),
            sys_name: "t".into(),
            options: msm_proto::Options::default(),
        };
        let changes = script(commands).expect("commands");
        Config::factory(&Arc::new(facts)).with(&changes).expect("lawful")
    }

    fn who(uid: u32, name: &str) -> Who {
        Who { uid, pid: None, name: Some(name.to_owned()) }
    }

    #[test]
    fn root_administers_and_others_do_what_their_account_may() {
        let config = config("create account admin alice\ncreate account user bob\n");
        assert_eq!(who(0, "root").access(&config), Access::Admin);
        assert_eq!(who(1000, "alice").access(&config), Access::Admin);
        assert_eq!(who(1001, "bob").access(&config), Access::User);
        assert_eq!(who(1002, "carol").access(&config), Access::User, "without an account");
        assert!(who(1002, "carol").may_only_look().contains("create account admin carol"));
    }
}
