//! `warmblock tgt`: the commands on targets that are in force, from their arguments to their answers.

use std::process::ExitCode;
use std::time::Duration;

use super::args::{
    TgtFailoverArgs, TgtReleaseArgs, TgtResizeArgs, TgtStatusArgs, TgtVerifyArgs, conf_d,
};
use super::output::{to_stderr, to_stdout};
use super::tgt::{applied_code, daemon, open};
use super::{Cli, Output, render};
use crate::host::Host;
use crate::tgt::daemon::apply;
use crate::tgt::{Site, failover as move_to, resize as grow, status as state, verify as look};
use crate::tools::ssh;
use crate::{Error, Kind, Result};

/// A failover on another gateway: its own waits, and time to spare.
const ELSEWHERE: Duration = Duration::from_secs(300);

pub(super) fn status(
    cli: &Cli,
    output: &Output,
    host: &Host,
    args: &TgtStatusArgs,
) -> Result<ExitCode> {
    let site = open(cli, output, host, &args.on.site, true)?;
    let report = state::all(host, &daemon(host, &args.on.daemon), &site, args.all)?;
    output.answer(&report, render::tgt_live::status)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn verify(
    cli: &Cli,
    output: &Output,
    host: &Host,
    args: &TgtVerifyArgs,
) -> Result<ExitCode> {
    let site = open(cli, output, host, &args.on.site, true)?;
    let options = look::Options {
        clients: args.clients.clone(),
        others: args.all,
        heal: args.heal,
        dry_run: args.changing.dry_run,
    };
    let report = look::verify(host, &daemon(host, &args.on.daemon), &site, &options)?;
    output.answer(&report, render::tgt_live::verify)?;
    Ok(if report.well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Kind::Mismatch.exit_code())
    })
}

pub(super) fn resize(
    cli: &Cli,
    output: &Output,
    host: &Host,
    args: &TgtResizeArgs,
) -> Result<ExitCode> {
    let site = open(cli, output, host, &args.on.site, true)?;
    let tgtadm = daemon(host, &args.on.daemon);
    let dry_run = args.changing.dry_run;
    let report = grow::resize(
        host,
        &tgtadm,
        &site,
        args.image.as_ref(),
        args.force,
        dry_run,
    )?;
    output.answer(&report, render::tgt_live::resize)?;
    Ok(if report.failed() {
        ExitCode::from(Kind::Failed.exit_code())
    } else {
        ExitCode::SUCCESS
    })
}

pub(super) fn failover(
    cli: &Cli,
    output: &Output,
    host: &Host,
    args: &TgtFailoverArgs,
) -> Result<ExitCode> {
    let site = open(cli, output, host, &args.on.site, true)?;
    if site.gateway.as_ref() != Some(&args.to) {
        return on_another(cli, host, &site, args);
    }
    let options = move_to::Options {
        apply: options(cli, args.changing.dry_run),
        release: Duration::from_secs(args.patience.max(1)),
        dead: args.dead,
    };
    let tgtadm = daemon(host, &args.on.daemon);
    let report = move_to::failover(host, &tgtadm, site, &args.client, &options)?;
    output.answer(&report, render::tgt_live::failover)?;
    Ok(report
        .apply
        .as_ref()
        .map_or(ExitCode::SUCCESS, applied_code))
}

fn options(cli: &Cli, dry_run: bool) -> apply::Options {
    apply::Options {
        conf_d: conf_d(None, &cli.global),
        dry_run,
        force: false,
        only: None,
    }
}

/// The gateway that is to serve does the work; what it says is passed on.
fn on_another(cli: &Cli, host: &Host, site: &Site, args: &TgtFailoverArgs) -> Result<ExitCode> {
    let gateway = site
        .inventory
        .gateways
        .iter()
        .find(|gateway| gateway.name == args.to)
        .ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                format!("the inventory has no gateway {}", args.to),
            )
            .remedy("add [gateway.NAME] to the inventory, or correct the name")
        })?;
    let patience = args.patience.to_string();
    let mut words = vec!["warmblock"];
    words.extend(cli.global.json.then_some("--json"));
    words.extend(["tgt", "failover", &args.client, "--to", args.to.as_str()]);
    words.extend(["--gateway", args.to.as_str(), "--patience", &patience]);
    words.extend(args.dead.then_some("--dead"));
    words.extend(args.changing.dry_run.then_some("--dry-run"));
    let answer = ssh::run(&host.exec, &gateway.ssh, &words, ELSEWHERE)?;
    to_stderr(&format!("{}\n", answer.stderr));
    to_stdout(&String::from_utf8_lossy(&answer.stdout))?;
    Ok(ExitCode::from(u8::try_from(answer.code).unwrap_or(u8::MAX)))
}

pub(super) fn release(
    cli: &Cli,
    output: &Output,
    host: &Host,
    args: &TgtReleaseArgs,
) -> Result<ExitCode> {
    let site = open(cli, output, host, &args.on.site, true)?;
    let tgtadm = daemon(host, &args.on.daemon);
    let options = options(cli, args.changing.dry_run);
    let report = move_to::release(host, &tgtadm, &site, &args.client, &options)?;
    output.answer(&report, render::tgt_live::release)?;
    Ok(applied_code(&report.apply))
}
