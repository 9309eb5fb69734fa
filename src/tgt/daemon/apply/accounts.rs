//! CHAP accounts: global to the daemon, and their secrets can be neither read nor changed (facts 3.6), only made anew.
//!
//! Removing an account takes it off every target, and a target without accounts asks for none. So a throwaway account with
//! a secret that nobody knows is bound to them first, and removed last.

use std::collections::BTreeMap;

use super::{Applied, Daemon, Step};
use crate::Result;
use crate::sys::random;
use crate::tgt::inventory::Secret;

const GUARD: &str = "wb-guard-";

/// Whether an account is a throwaway of ours.
pub(super) fn is_guard(user: &str) -> bool {
    user.starts_with(GUARD)
}

/// What is to be done with accounts.
#[derive(Debug, Clone, Default)]
pub struct AccountPlan {
    /// Those that are not there: with their secrets.
    pub new: Vec<(String, Secret)>,
    /// Those whose secret is another, or not known to be right: with the targets that have them.
    pub again: Vec<Again>,
    /// Those that nobody needs any more; removed after everything else.
    pub gone: Vec<String>,
}

/// An account that is made anew.
#[derive(Debug, Clone)]
pub struct Again {
    /// Its user.
    pub user: String,
    /// Its secret.
    pub secret: Secret,
    /// The targets that ask for it.
    pub incoming: Vec<u16>,
    /// The targets that prove themselves with it.
    pub outgoing: Vec<u16>,
}

pub(super) fn plan(
    daemon: &Daemon,
    wanted: &BTreeMap<String, Secret>,
    applied: &Applied,
) -> AccountPlan {
    let mut plan = AccountPlan::default();
    for (user, secret) in wanted {
        if !daemon.accounts.contains(user) {
            plan.new.push((user.clone(), secret.clone()));
        } else if !applied.has_secret(user, secret) {
            let targets = |has: &dyn Fn(&super::super::TargetState) -> bool| {
                daemon
                    .targets
                    .iter()
                    .filter(|target| has(target))
                    .map(|target| target.tid)
                    .collect()
            };
            plan.again.push(Again {
                user: user.clone(),
                secret: secret.clone(),
                incoming: targets(&|target| target.accounts.contains(user)),
                outgoing: targets(&|target| target.outgoing.as_ref() == Some(user)),
            });
        }
    }
    let ours = |user: &&String| {
        is_guard(user) || (applied.accounts.contains_key(*user) && !wanted.contains_key(*user))
    };
    plan.gone = daemon.accounts.iter().filter(ours).cloned().collect();
    plan
}

impl AccountPlan {
    /// The steps that come before all targets'.
    pub(super) fn steps(&self) -> Result<Vec<Step>> {
        let mut steps: Vec<Step> = self
            .new
            .iter()
            .map(|(user, secret)| Step::AccountNew {
                user: user.clone(),
                secret: secret.clone(),
            })
            .collect();
        for again in &self.again {
            steps.extend(again.steps()?);
        }
        Ok(steps)
    }
}

impl Again {
    fn steps(&self) -> Result<Vec<Step>> {
        let guard = format!("{GUARD}{}", random::hex(12)?);
        let bind = |tid: &u16, user: &str, outgoing| Step::Account {
            tid: *tid,
            user: user.to_owned(),
            outgoing,
            bind: true,
        };
        let mut steps = Vec::new();
        if !self.incoming.is_empty() {
            steps.push(Step::AccountNew {
                user: guard.clone(),
                secret: Secret::new(random::hex(16)?),
            });
            steps.extend(self.incoming.iter().map(|tid| bind(tid, &guard, false)));
        }
        steps.push(Step::AccountDelete {
            user: self.user.clone(),
        });
        steps.push(Step::AccountNew {
            user: self.user.clone(),
            secret: self.secret.clone(),
        });
        steps.extend(self.incoming.iter().map(|tid| bind(tid, &self.user, false)));
        steps.extend(self.outgoing.iter().map(|tid| bind(tid, &self.user, true)));
        if !self.incoming.is_empty() {
            steps.push(Step::AccountDelete { user: guard });
        }
        Ok(steps)
    }
}
