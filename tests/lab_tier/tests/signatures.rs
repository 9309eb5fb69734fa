//! What a guest has written on its disk must not make the host act, udev or not.

use anyhow::Result;

use super::same;
use crate::case::Case;
use crate::host::{Host, front};
use crate::world::STANDARD;

const RULES: &str = "/etc/udev/rules.d/58-warmblock.rules";

/// Two partitions: a bcache of the guest's own, and a file system with a label.
const GUEST: &str = "
    printf 'label: dos\\nstart=2048,size=16384\\nstart=18432,size=16384\\n' | sfdisk -q --no-reread --no-tell-kernel FRONT
    part() { dmsetup create guest --uuid WARMBLOCK-1-front-guest --table \"0 16384 linear FRONT $1\"; }
    part 2048; make-bcache -B /dev/mapper/guest >/dev/null; dmsetup remove --retry guest
    part 18432; mkfs.ext4 -q -L guests-own /dev/mapper/guest; dmsetup remove --retry guest";

/// What there is that only the guest's signatures can have brought.
fn acted(host: &Host) -> Result<String> {
    let looked = host.sh(
        "udevadm settle; ls /dev/disk/by-label 2>/dev/null | grep guests; \
         for d in /dev/bcache*; do [ ! -b $d ] || udevadm info -q property $d | grep -e ^ID_FS -e ^ID_PART; done; \
         find /sys/block/bcache*/bcache*p*/holders -mindepth 1 2>/dev/null; true",
    )?;
    Ok(looked.text().to_owned())
}

pub fn of_a_guest(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let rules = host.wb(&["doctor", "--print-udev-rules"]).run()?.ok()?;
    host.put("own.rules", rules.stdout.as_bytes())?;
    host.sh(&format!(
        "cp /lab/own.rules {RULES} && udevadm control --reload"
    ))?;
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(&image, &["--driver", "none"])?)?;
    host.sh(&GUEST.replace("FRONT", &device))?;
    let written = host.sha256(&device)?;
    for mode in ["none", "dm-cache", "local", "dm-writecache", "bcache"] {
        let options = ["--driver", mode];
        let device = front(&host.attach(&image, &options)?)?;
        same(
            &format!("what {mode} let the host do"),
            acted(host)?,
            String::new(),
        )?;
        same(
            "bcaches",
            host.sh("ls -d /sys/block/bcache* 2>/dev/null | wc -l")?
                .text(),
            if mode == "bcache" { "1" } else { "0" },
        )?;
        same("the guest's bytes", host.sha256(&device)?, written.clone())?;
        host.detach(&image)?;
    }
    host.sh(&format!("rm {RULES} && udevadm control --reload"))?;
    host.check_empty()
}
