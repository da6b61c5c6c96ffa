//! A failing plan is reduced to what it needs to fail: the same law, broken by less.

use crate::{action::Action, broken::Broken, checks::Law, plan::Plan, play::play};

/// Plays that a reduction may cost.
const EFFORT: usize = 600;

/// Reduces `plan`, which breaks `law`.
pub(crate) fn shrink(plan: &Plan, broken: Broken, law: Law) -> Plan {
    let mut shrinking = Shrinking { best: plan.clone(), broken, law, left: EFFORT };
    // What cannot go alone can sometimes go after others have.
    for _ in 0..3 {
        let before = shrinking.best.steps.len();
        shrinking.calm();
        shrinking.drop_steps();
        shrinking.drop_commands();
        if shrinking.best.steps.len() == before {
            break;
        }
    }
    shrinking.best
}

struct Shrinking {
    best: Plan,
    broken: Broken,
    law: Law,
    left: usize,
}

impl Shrinking {
    /// Takes `plan` if it fails as well.
    fn try_plan(&mut self, plan: Plan) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let played = play(&plan, self.broken, false);
        let fails = played.violations.first().is_some_and(|violation| violation.law == self.law);
        if fails {
            self.best = plan;
        }
        fails
    }

    /// Settings that let less go wrong.
    fn calm(&mut self) {
        let quieter: [fn(&mut Plan); 3] = [
            |plan| plan.setting.crashes = 0,
            |plan| plan.setting.long = false,
            |plan| plan.setting.bays.truncate(2),
        ];
        for change in quieter {
            let mut plan = self.best.clone();
            change(&mut plan);
            self.try_plan(plan);
        }
    }

    /// Without halves, quarters, ... single steps.
    fn drop_steps(&mut self) {
        // The end first: what follows the violation is not needed for it.
        let mut size = self.best.steps.len().div_ceil(2);
        while size > 0 {
            let mut from = self.best.steps.len().saturating_sub(size);
            loop {
                let mut plan = self.best.clone();
                let to = (from + size).min(plan.steps.len());
                plan.steps.drain(from..to);
                self.try_plan(plan);
                if from == 0 {
                    break;
                }
                from = from.saturating_sub(size).min(self.best.steps.len());
            }
            if size == 1 {
                break;
            }
            size = size.div_ceil(2);
        }
    }

    /// One command is enough, mostly.
    fn drop_commands(&mut self) {
        for at in 0..self.best.steps.len() {
            let mut plan = self.best.clone();
            if let Some(Action::Commands { ids, .. }) = plan.steps.get_mut(at).map(|step| &mut step.action)
                && ids.len() > 1
            {
                ids.truncate(1);
                self.try_plan(plan);
            }
        }
    }
}
