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
    /// The one without udevd.
    Plain,
    /// The one with udevd.
    Udev,
    /// Both, or the whole cluster.
    All,
}

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
#[derive(Debug, Default)]
pub struct Pool {
    free: Mutex<Vec<Host>>,
    back: Condvar,
}

impl Pool {
    pub fn new(hosts: Vec<Host>) -> Self {
        Self {
            free: Mutex::new(hosts),
            back: Condvar::new(),
        }
    }

    fn take(&self, need: Need) -> Vec<Host> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let place = match need {
                Need::One if free.is_empty() => None,
                Need::One => Some(0),
                Need::Plain => free.iter().position(|host| !host.udev),
                Need::Udev => free.iter().position(|host| host.udev),
                Need::All if free.len() == 2 => {
                    let mut both = std::mem::take(&mut *free);
                    both.sort_by_key(|host| host.name);
                    return both;
                }
                Need::All => None,
            };
            if let Some(place) = place {
                return vec![free.remove(place)];
            }
            free = self.back.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, hosts: Vec<Host>) {
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(hosts);
        self.back.notify_all();
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
        let outcome = tally.run(self.name, || self.outcome(&hosts));
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
