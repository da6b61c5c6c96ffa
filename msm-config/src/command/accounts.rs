//! `account`.

use super::Command;
use super::rule::{Rule, given};
use crate::grammar::Arguments;
use crate::model::{Access, AccountChange, Change, Secret};

fn change(change: AccountChange) -> Result<Command, String> {
    Ok(Command::Change(Change::Accounts(change)))
}

fn secret(a: &Arguments) -> Option<Secret> {
    a.text("hash").map(Secret::Hash).or_else(|| a.text("password").map(Secret::Plain))
}

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "create account [admin | user] <user> {[encrypted <hash:word> | <password>]}",
        "Creates an account: admin may configure, user may look; by the local socket the Unix user of that name has it",
        |a| {
            let access = given(a.which(&[("admin", Access::Admin), ("user", Access::User)]))?;
            change(AccountChange::Create { access, name: given(a.name("user"))?, secret: secret(a) })
        },
    )
    .default("admin and user exist, without passwords; an account without one cannot log in over the network")
    .example(&["create account user guest \"look but do not touch\""]),
    Rule::new("configure account <user> [encrypted <hash:word> | <password>]", "Changes a password", |a| {
        change(AccountChange::Password { name: given(a.name("user"))?, secret: given(secret(a))? })
    })
    .example(&["configure account admin \"correct horse\""]),
    Rule::new("configure account <user> access [admin | user]", "Changes what an account may do", |a| {
        let access = given(a.which(&[("admin", Access::Admin), ("user", Access::User)]))?;
        change(AccountChange::Access { name: given(a.name("user"))?, access })
    })
    .example(&["create account user guest", "configure account guest access admin"]),
    Rule::new("delete account <user>", "Deletes an account; one that may configure stays", |a| {
        change(AccountChange::Delete(given(a.name("user"))?))
    })
    .example(&["create account user guest", "delete account guest"]),
];
