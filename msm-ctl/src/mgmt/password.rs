//! Passwords: hashed with Argon2id before they are stored, replicated or shown.
//!
//! A hash takes tens of milliseconds and 19 MiB: not for an event loop.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use msm_config::grammar::PASSWORD_MAX;
use msm_config::model::HASH_MAX;

/// OWASP's least for Argon2id (Password Storage Cheat Sheet): 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Most that a hash from elsewhere may cost to verify: a line of a configuration must not stop the switch.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 8;
const LANES_MAX: u32 = 4;

/// Why a password or a hash is refused. Neither is ever part of the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Its length.
    #[error("the password has {0} characters; 1 to {PASSWORD_MAX} are allowed")]
    Length(usize),
    /// A character nobody can type at a prompt.
    #[error("the password has a control character; use letters, digits, punctuation and spaces")]
    Control,
    /// Not a hash as this program writes them.
    #[error("the hash of a password is not usable: {0}; it must be a PHC string, $argon2id$v=19$...")]
    Hash(String),
    /// The machine did not let it be made.
    #[error("the password cannot be hashed: {0}; try again")]
    Failed(String),
}

/// The PHC string of `password`, with a new salt.
pub(crate) fn hash(password: &str) -> Result<String, PasswordError> {
    check_password(password)?;
    let failed = |error: &dyn std::fmt::Display| PasswordError::Failed(error.to_string());
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| failed(&e))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon2.hash_password(password.as_bytes()).map_err(|e| failed(&e))?.to_string())
}

#[cfg_attr(not(test), expect(dead_code, reason = "nobody logs in over the network yet"))]
/// True if `hash` is that of `password`. A hash that [`check_hash`] refuses is nobody's.
pub(crate) fn verify(hash: &str, password: &str) -> bool {
    let (Ok(hash), Ok(())) = (parse(hash), check_password(password)) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Whether `hash` may stand in a configuration. Costs nothing.
pub(crate) fn check_hash(hash: &str) -> Result<(), PasswordError> {
    parse(hash).map(drop)
}

fn check_password(password: &str) -> Result<(), PasswordError> {
    match password.chars().count() {
        1..=PASSWORD_MAX => {}
        length => return Err(PasswordError::Length(length)),
    }
    if password.chars().any(char::is_control) { Err(PasswordError::Control) } else { Ok(()) }
}

fn parse(text: &str) -> Result<PasswordHash, PasswordError> {
    let refused = |why: &str| PasswordError::Hash(why.to_owned());
    if text.len() > HASH_MAX {
        return Err(refused("it is too long"));
    }
    let hash = PasswordHash::new(text).map_err(|error| refused(&error.to_string()))?;
    if hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || hash.version != Some(Version::V0x13.into())
    {
        return Err(refused("it is of another algorithm or version"));
    }
    if hash.salt.is_none() || hash.hash.as_ref().is_none_or(|output| output.len() < 16) {
        return Err(refused("its salt or its hash is missing or too short"));
    }
    let params = Params::try_from(&hash).map_err(|error| refused(&error.to_string()))?;
    if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > LANES_MAX {
        return Err(refused("it takes too long to verify"));
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_verified_by_its_hash_only() {
        let first = hash("s3cret ü").expect("hashed");
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert!(!first.contains("s3cret"));
        assert!(verify(&first, "s3cret ü"));
        assert!(!verify(&first, "s3cret u"));
        assert!(!verify(&first, ""));
        assert_ne!(first, hash("s3cret ü").expect("hashed"), "each has its own salt");
        assert_eq!(check_hash(&first), Ok(()));
        // One character of the hash changed.
        let last = if first.ends_with('A') { "E" } else { "A" };
        let changed = format!("{}{last}", &first[..first.len() - 1]);
        assert!(!verify(&changed, "s3cret ü"));
    }

    #[test]
    fn lengths_are_bounded() {
        assert_eq!(hash(""), Err(PasswordError::Length(0)));
        assert_eq!(hash(&"ü".repeat(65)), Err(PasswordError::Length(65)));
        assert_eq!(check_password(&"ü".repeat(64)), Ok(()));
        assert_eq!(hash("a\nb"), Err(PasswordError::Control));
    }

    #[test]
    fn hashes_that_are_none_are_refused() {
        const SALT: &str = "c2FsdHNhbHRzYWx0c2FsdA";
        const HASH: &str = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let good = format!("$argon2id$v=19$m=19456,t=2,p=1${SALT}${HASH}");
        assert_eq!(check_hash(&good), Ok(()));
        let all = [
            String::new(),
            "secret".into(),
            good.replace("argon2id", "argon2i"),
            good.replace("argon2id", "scrypt"),
            good.replace("v=19", "v=16"),
            good.replace("$v=19", ""),
            good.replace("m=19456", "m=4294967295"),
            good.replace("m=19456", "m=x"),
            good.replace("t=2", "t=100000"),
            good.replace("t=2", "t=0"),
            good.replace("p=1", "p=255"),
            good.replace(&format!("${HASH}"), ""),
            good.replace(&format!("${SALT}${HASH}"), ""),
            good.replace(HASH, "CTFhFdXPJO0"),
            format!("{good}!"),
            format!("{good}{}", "A".repeat(300)),
        ];
        for bad in all {
            let error = check_hash(&bad).expect_err(&bad);
            assert!(error.to_string().contains("PHC string"), "{error}");
            assert!(!verify(&bad, "secret"), "{bad}");
        }
    }
}
