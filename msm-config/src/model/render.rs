//! A configuration as the commands that make it, in the manual's section order.

use std::fmt::{Display, Write};

use super::{Config, failover, routing};

/// Commands, with the manual's comments between sections.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    pending: Option<&'static str>,
}

impl Text {
    /// Begins a section; one without lines leaves no trace.
    pub(super) fn section(&mut self, title: &'static str) {
        self.pending = Some(title);
    }

    pub(super) fn line(&mut self, command: &impl Display) {
        if let Some(title) = self.pending.take() {
            let _ = writeln!(self.out, "#\n# {title}\n#");
        }
        let _ = writeln!(self.out, "{command}");
    }
}

impl Config {
    /// The commands that make this configuration out of the factory's, one a line, with comments.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = Text::default();
        failover::render_recovery(&self.failover, &mut out);
        self.vlans.render(&self.facts, &mut out);
        self.sharing.render(&mut out);
        self.accounts.render(&mut out);
        self.cli.render(&mut out);
        self.system.render(&mut out);
        self.ports.render(&self.facts, &mut out);
        self.mirroring.render(&mut out);
        self.cpu.render(&mut out);
        self.health.render(&mut out);
        self.fdb.render(&mut out);
        self.access.render(&mut out);
        routing::render(self, &mut out);
        failover::render(&self.failover, &mut out);
        self.ospf.render(&mut out);
        self.bgp.render(&mut out);
        self.rip.render(&mut out);
        self.dns.render(&mut out);
        self.log.render(&mut out);
        out.out
    }
}
