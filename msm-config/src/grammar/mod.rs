//! One grammar: the manual's notation of each command drives parsing, abbreviation, help, completion and the reference.

pub mod fault;
mod help;
pub mod kind;
mod notation;
mod tree;
mod walk;
mod words;

pub use fault::{Fault, Wrong};
pub use help::Choice;
pub use kind::{PASSWORD_MAX, Value};
pub use notation::Parameter;
pub use tree::Tree;
pub use walk::{Arguments, Match};
pub use words::{Word, split};
