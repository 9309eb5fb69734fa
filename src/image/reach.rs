//! From a name to the image behind it, and what forbids to change it.

use std::time::Duration;

use super::feature::Feature;
use super::report::ImageFacts;
use crate::ceph::{Child, Cluster, Image, ImageInfo, Pool, Snap, Watcher, meta};
use crate::disk::{parse_lease, refuse_half_replaced, refuse_half_reverted};
use crate::host::Host;
use crate::model::{Bytes, ImageName, ImageSpec, Lease, ParseError};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// How the name of an image ends that is being made; see `pending`.
pub(super) const PENDING: &str = ".wb-import";

/// How an image will be called that is still being made; any other one is called so.
pub(super) fn named(image: &ImageName) -> Result<ImageName, ParseError> {
    let name = image.as_str();
    name.strip_suffix(PENDING).unwrap_or(name).parse()
}

/// Ceph forgets a client that died after `osd_client_watch_timeout`, 30 s by default.
pub(super) const WATCH_TIMEOUT: Duration = Duration::from_secs(45);

/// The pool of an image, in its namespace.
pub(super) fn pool(cluster: &Cluster, spec: &ImageSpec) -> Result<Pool> {
    let pool = cluster.pool(&spec.pool, spec.namespace.as_ref());
    pool.context(|| format!("cannot open the pool of {spec}"))
}

/// The pool of an image that is to be made there. librados opens any namespace and librbd would make images in one that
/// no list shows, so it is looked up.
///
/// # Errors
/// [`Kind::NotFound`] for a namespace that is not there.
pub(super) fn pool_to_create(cluster: &Cluster, spec: &ImageSpec) -> Result<Pool> {
    let pool = pool(cluster, spec)?;
    let Some(namespace) = &spec.namespace else {
        return Ok(pool);
    };
    let known = pool
        .namespaces()
        .context(|| format!("cannot list the namespaces of pool {}", spec.pool))?;
    if known.contains(namespace) {
        return Ok(pool);
    }
    Err(Error::new(
        Kind::NotFound,
        format!("pool {} has no namespace {namespace}", spec.pool),
    )
    .remedy(format!(
        "make it: `rbd namespace create {}/{namespace}`",
        spec.pool
    )))
}

/// That there is no image of a name.
pub(super) fn not_found(spec: &ImageSpec) -> Error {
    let pool = match &spec.namespace {
        Some(namespace) => format!("{}/{namespace}", spec.pool),
        None => spec.pool.to_string(),
    };
    Error::new(Kind::NotFound, format!("there is no image {spec}")).remedy(format!(
        "`warmblock image ls {pool}` lists those that there are"
    ))
}

/// Addresses, for a sentence.
fn addresses(watchers: &[Watcher]) -> String {
    let list: Vec<String> = watchers
        .iter()
        .map(|watcher| format!("{} (client.{})", watcher.addr, watcher.id))
        .collect();
    list.join(", ")
}

/// That somebody has an image open.
pub(super) fn watched(spec: &ImageSpec, watchers: &[Watcher], verb: &str) -> Error {
    Error::new(Kind::Busy, format!("cannot {verb} {spec}: it is open at {}", addresses(watchers))).remedy(
        "detach, unmap or stop whatever uses it there; Ceph forgets a client that died after 30 seconds",
    )
}

/// An image that was looked at, and its lease as it was then.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) spec: &'a ImageSpec,
    pub(super) pool: Pool,
    /// Open to read: no watch of ours is on it.
    pub(super) image: Image,
    lease: Option<Vec<u8>>,
}

impl<'a> Found<'a> {
    /// Connects and opens.
    pub(super) fn by_name(host: &Host, spec: &'a ImageSpec) -> Result<Self> {
        let cluster = host.connect()?;
        Self::in_pool(pool(&cluster, spec)?, spec)
    }

    /// Opens.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if there is no such image.
    pub(super) fn in_pool(pool: Pool, spec: &'a ImageSpec) -> Result<Self> {
        let image = match pool.open_read_only(&spec.image, None).map_err(Error::from) {
            Err(error) if error.kind() == Kind::NotFound => {
                return Err(not_found(spec).because(error));
            }
            opened => opened.context(|| format!("cannot open image {spec}"))?,
        };
        let lease = read_lease(spec, &pool, &image)?;
        Ok(Self {
            spec,
            pool,
            image,
            lease,
        })
    }

    /// All that its header says.
    pub(super) fn info(&self) -> Result<ImageInfo> {
        self.image
            .info()
            .context(|| format!("cannot read the header of {}", self.spec))
    }

    /// Its size.
    pub(super) fn size(&self) -> Result<Bytes> {
        let size = self.image.size();
        size.context(|| format!("cannot read the size of {}", self.spec))
    }

    /// Its snapshots, those that Ceph keeps for clones included.
    pub(super) fn snapshots(&self) -> Result<Vec<Snap>> {
        let snapshots = self.image.snapshots();
        snapshots.context(|| format!("cannot list the snapshots of {}", self.spec))
    }

    /// Its clones.
    pub(super) fn children(&self) -> Result<Vec<Child>> {
        let children = self.image.children(None);
        children.context(|| format!("cannot list the clones of {}", self.spec))
    }

    /// Its lease. One that cannot be understood counts as dirty.
    pub(super) fn lease(&self) -> Result<Lease> {
        parse_lease(self.spec, self.image.id(), self.lease.as_deref())
    }

    /// Its lease as it stands in the metadata.
    pub(super) fn raw_lease(&self) -> Option<&[u8]> {
        self.lease.as_deref()
    }

    /// Who has it open.
    pub(super) fn watchers(&self) -> Result<Vec<Watcher>> {
        self.image
            .watchers()
            .context(|| format!("cannot ask who has {} open", self.spec))
    }

    /// That the image is complete: no write-back cache holds data that it lacks.
    ///
    /// # Errors
    /// [`Kind::Dirty`], with the host.
    pub(super) fn must_be_clean(&self, verb: &str) -> Result<()> {
        let lease = self.lease()?;
        let Some(host) = lease.dirty_on() else {
            return Ok(());
        };
        let spec = self.spec;
        Err(Error::new(Kind::Dirty, format!("cannot {verb} {spec}: the write-back cache on host {host} may hold data that it lacks"))
            .remedy(format!("write them back on host {host} first: `warmblock flush {spec}` and `warmblock mode {spec} writethrough`")))
    }

    /// That what the image holds is what it should be: it is complete, and no revert or restore of it was stopped half way.
    ///
    /// # Errors
    /// [`Kind::Dirty`], with the host; [`Kind::Mismatch`], with the way back.
    pub(super) fn must_be_whole(&self, host: &Host, verb: &str) -> Result<()> {
        self.must_be_clean(verb)?;
        refuse_half_replaced(host, self.spec, &self.pool, verb)?;
        refuse_half_reverted(self.spec, &self.image, verb)
    }

    /// That no host has it attached.
    ///
    /// # Errors
    /// [`Kind::Dirty`] or [`Kind::LeaseHeld`], with the host.
    pub(super) fn must_be_detached(&self, verb: &str) -> Result<()> {
        self.must_be_clean(verb)?;
        let lease = self.lease()?;
        if let Some(sharer) = lease.shared.first() {
            let (spec, host) = (self.spec, &sharer.host);
            let message = format!("cannot {verb} {spec}: VMs have it at once, one of host {host}");
            return Err(Error::new(Kind::LeaseHeld, message).remedy(format!(
                "end those VMs; if all hosts that have it are dead, `warmblock attach {spec} --break-lease` on one that lives, \
                 and detach it there"
            )));
        }
        let Some(holder) = lease.holder else {
            return Ok(());
        };
        let spec = self.spec;
        let attached = format!(
            "it is attached on host {} ({}, {})",
            holder.host, holder.driver, holder.mode
        );
        Err(
            Error::new(Kind::LeaseHeld, format!("cannot {verb} {spec}: {attached}")).remedy(
                format!(
                    "detach it on host {}: `warmblock detach {spec}`",
                    holder.host
                ),
            ),
        )
    }

    /// That nobody has it open, by us or not.
    ///
    /// # Errors
    /// [`Kind::Busy`], with the addresses.
    pub(super) fn must_be_unwatched(&self, verb: &str) -> Result<()> {
        let watchers = self.watchers()?;
        if watchers.is_empty() {
            Ok(())
        } else {
            Err(watched(self.spec, &watchers, verb))
        }
    }

    /// The same, after a while: somebody who was killed has it open for a while still, as Ceph sees it, and whoever repeats what he
    /// did is not to be refused for that.
    pub(super) fn must_be_left_alone(&self, host: &Host, verb: &str) -> Result<()> {
        let alone = wait::poll(WATCH_TIMEOUT, || match self.watchers() {
            Ok(watchers) if !watchers.is_empty() => host.cancel.check().err().map(Err),
            Ok(_) => Some(Ok(())),
            Err(error) => Some(Err(error)),
        });
        alone.unwrap_or_else(|| self.must_be_unwatched(verb))
    }

    /// Opens it to change what it holds. The lease is read again then: whoever takes it looks for those who have the image open
    /// after that, so that one of the two sees the other.
    ///
    /// # Errors
    /// Those of [`Found::must_be_detached`].
    pub(super) fn open_detached(&mut self, verb: &str) -> Result<Image> {
        let image = self.open()?;
        crate::fault::step("rbd open, with a watch");
        self.lease = read_lease(self.spec, &self.pool, &image)?;
        self.must_be_detached(verb)?;
        Ok(image)
    }

    /// Opens it to change it.
    pub(super) fn open(&self) -> Result<Image> {
        self.pool
            .open(&self.spec.image)
            .context(|| format!("cannot open image {}", self.spec))
    }
}

fn read_lease(spec: &ImageSpec, pool: &Pool, image: &Image) -> Result<Option<Vec<u8>>> {
    let lease = meta::get(pool, image.id(), Lease::KEY);
    lease.context(|| format!("cannot read the lease of {spec}"))
}

/// What a report says of an image.
pub(super) fn facts(info: ImageInfo) -> Box<ImageFacts> {
    Box::new(ImageFacts {
        id: info.id,
        size: info.size,
        object_size: info.object_size,
        features: Feature::of(info.features),
        data_pool: info.data_pool,
        created: info.created,
        parent: info.parent,
        more: None,
    })
}
