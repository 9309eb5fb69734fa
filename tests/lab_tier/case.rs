//! What a test is, which hosts it gets, and what is checked after every one.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use anyhow::Result;
use libtest_mimic::{Failed, Trial};

use crate::drivers;
use crate::host::Host;
use crate::runner::{Tally, guarded};
use crate::tests::conformance::Driver;
use crate::world::World;

/// Which hosts a test needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Any one.
    One,
    /// One without udevd.
    Plain,
    /// One with udevd.
    Udev,
    /// Two, [`PAIR`].
    Both,
    /// The whole cluster, with nobody beside it: two as well.
    All,
}

/// The two that a test gets that needs two, by their names.
pub const PAIR: [&str; 2] = ["hv1", "hv2"];

/// What a test works with.
#[derive(Debug)]
pub struct Case {
    pub world: Arc<World>,
    pub hosts: Vec<Host>,
}

impl Case {
    /// Its host, or the first of them.
    pub fn host(&self) -> &Host {
        &self.hosts[0]
    }

    /// The second of its hosts.
    pub fn other(&self) -> &Host {
        &self.hosts[1]
    }
}

/// What a test does.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    Alone(fn(&Case) -> Result<()>),
    /// The same for each driver.
    Driver(fn(&Case, &'static Driver) -> Result<()>, &'static Driver),
}

impl Body {
    fn run(self, case: &Case) -> Result<()> {
        match self {
            Self::Alone(body) => body(case),
            Self::Driver(body, driver) => {
                case.hosts.iter().try_for_each(drivers::install)?;
                body(case, driver)
            }
        }
    }
}

/// A test.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    pub name: &'static str,
    pub need: Need,
    pub body: Body,
}

/// The hosts that no test has at the moment.
#[derive(Debug)]
pub struct Pool {
    all: usize,
    state: Mutex<State>,
    back: Condvar,
}

#[derive(Debug)]
struct State {
    free: Vec<Host>,
    /// Those that no test has had yet.
    off: Vec<&'static str>,
    /// How many wait for more than one: those that need just one leave them the pair.
    waiting: usize,
}

impl Pool {
    pub fn new(hosts: Vec<Host>) -> Self {
        Self {
            all: hosts.len(),
            state: Mutex::new(State {
                off: hosts.iter().map(|host| host.name).collect(),
                free: hosts,
                waiting: 0,
            }),
            back: Condvar::new(),
        }
    }

    fn take(&self, need: Need) -> Vec<Host> {
        let several = usize::from(matches!(need, Need::Both | Need::All));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += several;
        loop {
            if let Some(hosts) = state.take(need, self.all) {
                state.waiting -= several;
                return hosts;
            }
            state = self
                .back
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Boots those of a test's hosts that no test has had.
    fn boot(&self, hosts: &[Host]) -> Result<()> {
        for host in hosts {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let off = state.off.iter().position(|name| *name == host.name);
            let off = off.map(|place| state.off.remove(place));
            drop(state);
            if off.is_some() {
                host.boot()?;
            }
        }
        Ok(())
    }

    fn give_back(&self, hosts: Vec<Host>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.free.extend(hosts);
        drop(state);
        self.back.notify_all();
    }
}

impl State {
    fn take(&mut self, need: Need, all: usize) -> Option<Vec<Host>> {
        let pair = |host: &Host| PAIR.contains(&host.name);
        match need {
            Need::One => self.one(|_| true),
            Need::Plain => self.one(|host| !host.udev),
            Need::Udev => self.one(|host| host.udev),
            Need::All if self.free.len() < all => None,
            Need::Both | Need::All => {
                if self.free.iter().filter(|host| pair(host)).count() < PAIR.len() {
                    return None;
                }
                let mut both: Vec<Host> = self.free.extract_if(.., |host| pair(host)).collect();
                both.sort_by_key(|host| host.name);
                Some(both)
            }
        }
    }

    /// Rather one that is not of the pair.
    fn one(&mut self, fits: fn(&Host) -> bool) -> Option<Vec<Host>> {
        let of_pair = |host: &Host| PAIR.contains(&host.name);
        let rather = |host: &Host| fits(host) && !of_pair(host);
        let place = self.free.iter().position(rather).or_else(|| {
            let left = self.free.iter().position(fits);
            left.filter(|_| self.waiting == 0)
        })?;
        Some(vec![self.free.remove(place)])
    }
}

impl Test {
    /// As the test runner takes it.
    pub fn trial(self, pool: &Arc<Pool>, tally: &Arc<Tally>) -> Trial {
        let (pool, tally) = (Arc::clone(pool), Arc::clone(tally));
        Trial::test(self.name, move || self.run(&pool, &tally))
    }

    fn run(self, pool: &Pool, tally: &Tally) -> Result<(), Failed> {
        let hosts = pool.take(self.need);
        let outcome = (pool.boot(&hosts))
            .map_err(|error| Failed::from(format!("{error:#}")))
            .and_then(|()| tally.run(self.name, || self.outcome(&hosts)));
        pool.give_back(hosts);
        outcome
    }

    /// The test, then the check that it left nothing behind; a host where it failed is made anew for the next one.
    fn outcome(self, hosts: &[Host]) -> Result<(), String> {
        let Some(first) = hosts.first() else {
            return Err("no host".into());
        };
        let case = Case {
            world: Arc::clone(&first.world),
            hosts: hosts.to_vec(),
        };
        let outcome = guarded(|| self.body.run(&case));
        let outcome = outcome.and_then(|()| hosts.iter().try_for_each(Host::check_empty));
        outcome.map_err(|error| {
            let mut text = format!("{error:#}");
            for host in hosts {
                text.push_str("\n--- ");
                text.push_str(&host.diagnosis());
                if let Err(error) = host.renew() {
                    text.push_str(&format!(
                        "\n--- {} could not be made anew: {error:#}",
                        host.name
                    ));
                }
            }
            text
        })
    }
}
