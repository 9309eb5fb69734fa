//! What a test is, which hosts it gets, and what is checked after every one.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use libtest_mimic::{Failed, Trial};

use crate::drivers;
use crate::host::Host;
use crate::tests::conformance::{Driver, exhaustive};
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
    times: Mutex<Vec<(Duration, &'static str)>>,
    unsteady: Mutex<Vec<&'static str>>,
}

impl Pool {
    pub fn new(hosts: Vec<Host>) -> Self {
        Self {
            free: Mutex::new(hosts),
            ..Self::default()
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

    /// The tests that failed once and then passed.
    pub fn unsteady(&self) -> Vec<&'static str> {
        self.unsteady
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The slowest tests, slowest first.
    pub fn slowest(&self) -> Vec<(Duration, &'static str)> {
        let mut times = self
            .times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        times.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        times
    }
}

impl Test {
    /// As the test runner takes it.
    pub fn trial(self, pool: &Arc<Pool>) -> Trial {
        let pool = Arc::clone(pool);
        Trial::test(self.name, move || self.run(&pool))
    }

    /// As one that is skipped.
    pub fn skipped(self) -> Trial {
        Trial::test(self.name, || Ok(())).with_ignored_flag(true)
    }

    fn run(self, pool: &Pool) -> Result<(), Failed> {
        let hosts = pool.take(self.need);
        let began = Instant::now();
        let outcome = self
            .outcome(&hosts)
            .or_else(|error| self.again(pool, &hosts, &error));
        let took = began.elapsed();
        eprintln!("{:6.1} s  {}", took.as_secs_f64(), self.name);
        pool.times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((took, self.name));
        pool.give_back(hosts);
        outcome.map_err(Failed::from)
    }

    /// A test that failed gets one more turn, on hosts that were made anew: the machine's own load can starve a host for
    /// longer than a kernel's or Ceph's deadline. It is never passed over in silence: the failure is printed in full, and the run
    /// ends with the list of those that are unsteady. An exhaustive run, which looks for just that, grants none.
    fn again(self, pool: &Pool, hosts: &[Host], error: &str) -> Result<(), String> {
        let tell = |error: &str| eprintln!("FAILED  {}: {error}", self.name);
        tell(error);
        if exhaustive() {
            return Err(error.to_owned());
        }
        self.outcome(hosts).inspect_err(|error| tell(error))?;
        eprintln!("UNSTEADY  {}: it failed once, and then passed", self.name);
        pool.unsteady
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.name);
        Ok(())
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
        let body = std::panic::AssertUnwindSafe(|| self.body.run(&case));
        let outcome =
            std::panic::catch_unwind(body).unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked")));
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
