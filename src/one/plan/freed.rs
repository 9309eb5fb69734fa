//! A disk that another host still has is let go there, and what it was in the way of is done once more.
//!
//! oned calls nothing after a `vnm` step that failed, after a front-end that was lost on the way, and after a cold migration
//! that is declared a failure (contract, 5.2). What was begun by then stays: the target of a move has disks mapped or leased, and
//! the VM could neither start where it is nor go anywhere else. The hosts where it can be stand in the VM's history.
//!
//! Nothing is taken by force. A host lets go as `detach` has it: of what is this VM's disk and in nobody's use, written back and
//! proven clean. One that refuses, or is not reached, keeps what it has, and the second try says so.

use std::iter;

use super::steps::{Down, put_right};
use super::{At, Instead, Known, Plan, Task, When, all, detach};
use crate::Result;
use crate::job::StepAsk;
use crate::model::ImageSpec;
use crate::one::call::{DiskPlace, Node};

/// Disks that may be in the way of a task, and the hosts that may have them.
#[derive(Debug)]
pub(super) struct Freeing<'h> {
    hosts: Vec<&'h Node>,
    steps: Vec<StepAsk>,
}

impl<'h> Freeing<'h> {
    /// For disks that other hosts may have than these, where the VM is and goes to.
    pub(super) fn elsewhere<'d>(
        known: &Known<'h>,
        but: &[&Node],
        disks: impl IntoIterator<Item = (&'d ImageSpec, &'d DiskPlace)>,
    ) -> Result<Self> {
        let down = |(image, place)| detach(known, image, place, Down::Kept);
        Ok(Self {
            hosts: known.lately_at(but),
            steps: disks.into_iter().map(down).collect::<Result<_>>()?,
        })
    }

    /// And also the host itself: what it has is of an earlier life of the VM, and is to be made anew.
    pub(super) fn or_at(mut self, host: &'h Node) -> Self {
        self.hosts.insert(0, host);
        self
    }

    const fn is_nothing(&self) -> bool {
        self.hosts.is_empty() || self.steps.is_empty()
    }
}

impl Plan {
    /// Adds that an image's own disk is let go at a host; and if another host has it then, because what should have followed a
    /// move did not come through, at those where the VM has been. One that refuses or is not reached keeps it, and whoever
    /// wants the image next is told. What several VMs have at once, other hosts have rightfully: there, each of the hosts where this
    /// VM has been is asked first, for a link of its that a move left; it takes no other's.
    pub(super) fn let_go(
        self,
        known: &Known<'_>,
        node: &Node,
        image: &ImageSpec,
        place: &DiskPlace,
    ) -> Result<Self> {
        let others = Freeing::elsewhere(known, &[node], [(image, place)])?;
        let right = put_right(known, image, place)?;
        let plain: Vec<StepAsk> = iter::once(detach(known, image, place, Down::Kept)?)
            .chain(right.clone())
            .collect();
        if others.is_nothing() || known.is_nowhere(node) {
            return Ok(self.then(known, node, plain));
        }
        let disk = known.vm.disk(place.disk);
        if disk.is_ok_and(|disk| disk.sharing().is_some()) {
            let gone = |plan: Self, host: &&Node| {
                let plan = plan.on(host, plain.clone());
                plan.instead(When::Failed, Self::nothing())
            };
            return Ok(others.hosts.iter().fold(self, gone).on(node, plain.clone()));
        }
        let freed = iter::once(detach(known, image, place, Down::Freed)?).chain(right);
        let freed = self.on(node, freed.collect());
        let again = Self::nothing().on(node, plain).tasks;
        Ok(freed.after(&others, again))
    }

    /// Says that what stands in the way of the last task, if that is one of this host's, is let go elsewhere first.
    pub(super) fn freed(self, node: &Node, freeing: &Freeing<'_>) -> Self {
        let here = At::Host(node.clone());
        let last = self.tasks.last().filter(|task| task.at == here);
        let Some(last) = last.filter(|_| !freeing.is_nothing()) else {
            return self;
        };
        let again = Task::new(last.at.clone(), last.work.clone());
        self.after(freeing, vec![again])
    }

    /// What is done instead of the last task if another host has the disk: it is let go there, and then `again`.
    fn after(mut self, freeing: &Freeing<'_>, again: Vec<Task>) -> Self {
        let let_go = |plan: Self, host: &&Node| {
            plan.on(host, all(freeing.steps.clone()))
                .instead(When::Unreached, Self::nothing())
        };
        let first = freeing.hosts.iter().fold(Self::nothing(), let_go).tasks;
        if let Some(last) = self.tasks.last_mut() {
            last.instead.push(Instead {
                when: When::Held,
                first,
                tasks: again,
            });
        }
        self
    }
}
