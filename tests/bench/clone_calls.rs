//! What a clone costs in a process that runs already, connection included: `clone_calls CONF POOL PARENT CHILD...` clones
//! PARENT as often as there are children, over a new connection each time, and prints the seconds of each call.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use warmblock::cancel::Cancel;
use warmblock::config::Config;
use warmblock::host::Host;
use warmblock::image::{self, CloneImage, ImageJob};
use warmblock::progress::ProgressMode;
use warmblock::sys::Roots;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let [conf, pool, parent, children @ ..] = args.as_slice() else {
        bail!("clone_calls CONF POOL PARENT CHILD...");
    };
    let mut config = Config::default();
    config.ceph.conf = Some(conf.into());
    let host = Host::new(
        config,
        Roots::default(),
        ProgressMode::Quiet,
        Cancel::default(),
    );
    for child in children {
        let parent = format!("{pool}/{parent}").parse()?;
        let ask = CloneImage::new(parent, format!("{pool}/{child}").parse()?);
        let began = Instant::now();
        image::run(&host, &ImageJob::Clone(ask), false)
            .with_context(|| format!("clone {child}"))?;
        println!("ours-call {:.6}", began.elapsed().as_secs_f64());
    }
    Ok(())
}
