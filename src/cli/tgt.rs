//! `warmblock tgt`: from its arguments to its answers.

use std::process::ExitCode;

use super::args::{
    TgtApplyArgs, TgtCommand, TgtDaemonArgs, TgtInventoryArgs, TgtRenderArgs, TgtSiteArgs, conf_d,
};
use super::{Cli, Output, render, settings, tgt_check, tgt_live};
use crate::host::Host;
use crate::model::HostName;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::daemon::apply::{ApplyReport, Options};
use crate::tgt::inventory::{Inventory, Problem, check_online};
use crate::tgt::registry::{self, Lookup};
use crate::tgt::render::{Templates, render as render_files};
use crate::tgt::report::InventoryReport;
use crate::tgt::{self, Site};
use crate::{Error, Kind, Result};

/// Does what a command on targets asks for.
pub(super) fn run(
    cli: &Cli,
    output: &Output,
    host: &Host,
    command: &TgtCommand,
) -> Result<ExitCode> {
    match command {
        TgtCommand::Inventory(args) => inventory(cli, output, host, args),
        TgtCommand::Render(args) => render_command(cli, output, host, args),
        TgtCommand::Check(args) => tgt_check::run(&cli.global, output, args),
        TgtCommand::Apply(args) => apply(cli, output, host, args),
        TgtCommand::Status(args) => tgt_live::status(cli, output, host, args),
        TgtCommand::Verify(args) => tgt_live::verify(cli, output, host, args),
        TgtCommand::Resize(args) => tgt_live::resize(cli, output, host, args),
        TgtCommand::Failover(args) => tgt_live::failover(cli, output, host, args),
        TgtCommand::Release(args) => tgt_live::release(cli, output, host, args),
    }
}

/// Reads the inventory and looks up who everything is. What is new is registered, unless this is a dry run.
pub(super) fn open(
    cli: &Cli,
    output: &Output,
    host: &Host,
    args: &TgtSiteArgs,
    dry_run: bool,
) -> Result<Site> {
    let inventory = Inventory::load(&args.file(&cli.global))?;
    let gateway = gateway(host, args, &inventory)?;
    let how = Lookup {
        offline: args.who.offline,
        dry_run,
    };
    let identities = registry::resolve(host, &inventory, how)?;
    let templates = Templates::load(&settings::roots(&cli.global).etc.join("tgt-templates"))?;
    let mut site = Site::new(inventory, gateway, identities, templates);
    site.offline = args.who.offline;
    warn(output, &site.inventory.warnings);
    Ok(site)
}

fn warn(output: &Output, warnings: &[Problem]) {
    output.note(|_| warnings.iter().map(|found| format!("{found}\n")).collect());
}

/// The daemon that is meant.
pub(super) fn daemon<'a>(host: &'a Host, args: &TgtDaemonArgs) -> Tgtadm<'a> {
    Tgtadm::new(&host.exec, args.socket.as_deref(), args.control_port)
}

fn gateway(host: &Host, args: &TgtSiteArgs, inventory: &Inventory) -> Result<Option<HostName>> {
    match (&args.who.gateway, &host.config.host) {
        (Some(name), _) | (None, Some(name)) => inventory.gateway_of(name),
        (None, None) => inventory.gateway_of(&crate::sys::host::hostname()?),
    }
}

fn inventory(cli: &Cli, output: &Output, host: &Host, args: &TgtInventoryArgs) -> Result<ExitCode> {
    let (found, mut problems) = Inventory::examine(&args.of.site().file(&cli.global))?;
    if let (Some(inventory), true) = (&found, args.online) {
        check_online(inventory, &host.connect()?, &mut problems)?;
    }
    let report = InventoryReport::new(found.as_ref(), problems.0);
    let failed = report.failed();
    output.answer(&report, render::tgt::inventory)?;
    Ok(if failed {
        ExitCode::from(Kind::Config.exit_code())
    } else {
        ExitCode::SUCCESS
    })
}

fn render_command(
    cli: &Cli,
    output: &Output,
    host: &Host,
    args: &TgtRenderArgs,
) -> Result<ExitCode> {
    let mut site = open(cli, output, host, &args.of.site(), args.diff)?;
    let dir = conf_d(args.out.as_deref(), &cli.global);
    if args.starting {
        let told = site.inventory.warnings.len();
        tgt::starting(host, &mut site)?;
        warn(output, &site.inventory.warnings[told..]);
    }
    let report = render_files(&site, &dir, None, args.diff)?;
    output.answer(&report, render::tgt::files)?;
    Ok(ExitCode::SUCCESS)
}

fn apply(cli: &Cli, output: &Output, host: &Host, args: &TgtApplyArgs) -> Result<ExitCode> {
    let site = open(cli, output, host, &args.site, args.changing.dry_run)?;
    if let Some(name) = args
        .client
        .as_deref()
        .filter(|name| site.inventory.client(name).is_none())
    {
        let message = format!("the inventory has no client {name}");
        return Err(
            Error::new(Kind::NotFound, message).remedy("`warmblock tgt inventory` lists them")
        );
    }
    let options = Options {
        conf_d: conf_d(args.out.as_deref(), &cli.global),
        dry_run: args.changing.dry_run,
        force: args.force,
        only: args.client.clone(),
    };
    let tgtadm = daemon(host, &args.daemon);
    let report = tgt::daemon::apply::apply(host, &tgtadm, &site, &options)?;
    output.answer(&report, render::tgt::applied)?;
    Ok(applied_code(&report))
}

/// What the exit code says of an `apply`.
pub(super) fn applied_code(report: &ApplyReport) -> ExitCode {
    match (report.failed(), report.held()) {
        (true, _) => ExitCode::from(Kind::Failed.exit_code()),
        (_, true) => ExitCode::from(Kind::Busy.exit_code()),
        _ => ExitCode::SUCCESS,
    }
}
