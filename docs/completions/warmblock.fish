# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_warmblock_global_optspecs
    string join \n config= root= json progress= v/verbose q/quiet id= conf= keyring= cluster= h/help V/version
end

function __fish_warmblock_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_warmblock_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_warmblock_using_subcommand
    set -l cmd (__fish_warmblock_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c warmblock -n "__fish_warmblock_needs_command" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_needs_command" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_needs_command" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_needs_command" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_needs_command" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_needs_command" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_needs_command" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_needs_command" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_needs_command" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_needs_command" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c warmblock -n "__fish_warmblock_needs_command" -s V -l version -d 'Print version'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "attach" -d 'Bring a disk up with its cache and print the device to open'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "detach" -d 'Take a disk down: flush, prove clean, remove every layer'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "seed" -d 'Fill the cache of an attached disk, beginning anew'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "flush" -d 'Write dirty blocks back to Ceph and prove that none is left'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "bypass" -d 'Take the cache out of the path of an attached disk'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "insert" -d 'Put a cache into the path of an attached disk again'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "mode" -d 'Change the cache mode of an attached disk'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "recover" -d 'Find everything of ours on this host and finish what was begun'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "status" -d 'Show the disks of this host, layer by layer'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "image" -d 'Import, clone, list and remove images'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "tgt" -d 'Export images to ESXi as iSCSI targets, through stgt'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "driver" -d 'List the cache drivers, or try one that is not of warmblock itself'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "one" -d 'Serve OpenNebula as its datastore and transfer-manager driver'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "doctor" -d 'Check that this host has what warmblock needs, and say what to do'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "config" -d 'Show the configuration in effect'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "host" -d 'Read one job as JSON on standard input, answer in JSON'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "copier" -d 'Copy blocks for a job that watches this process'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "seeder" -d 'Fill the cache that an attach left for later'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "docgen" -d 'Write man pages, completions and schemas'
complete -c warmblock -n "__fish_warmblock_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l driver -d 'Cache driver; for a disk that is attached with another one, it is exchanged under load [default: cache.driver of the configuration]' -r -f -a "dm-cache\t''
bcache\t''
bcache-shared\t''
dm-writecache\t''
flashcache\t''
local\t''
none\t''"
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l mode -d 'writethrough, writearound, writeback or none [default: cache.mode]' -r -f -a "none\t'No cache in the path'
writearound\t'A write goes to Ceph and drops what is cached of it'
writethrough\t'A write is acknowledged when Ceph has it; the cache can be lost at any time'
writeback\t'A write is acknowledged when the SSD has it; losing the host or its SSD loses data'"
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l size -d 'Bytes on the SSD [default: slice.size]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l seed -d 'What to bring into the cache first: none, allocated or first:SIZE [default: seed.what]' -r -f -a "none\t''
allocated\t''
first:\t''"
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l rate -d 'Seed at most so many bytes a second, 0 for no limit [default: seed.rate]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l on-full -d 'Without room on the SSD: go on uncached, or fail [default: slice.on_full]' -r -f -a "bypass\t'Serve the disk uncached, with a warning'
fail\t'Refuse'"
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l link -d 'Make a symbolic link to the device' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l no-wait -d 'Do not wait for the seed: the disk is served from Ceph until another process has filled its cache, which `status` shows'
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l break-lease -d 'Take the disk from a host that is known to be dead and fenced'
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l discard-dirty -d 'Give up the writes that only that host\'s cache holds'
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand attach" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l link -d 'Whose disk is meant, where several have it: the one behind this link' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l discard-dirty -d 'Drop dirty blocks instead of writing them back; they are lost'
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand detach" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l rate -d 'Read at most so many bytes a second, 0 for no limit [default: seed.rate]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l verify -d 'Compare the cached blocks with the image instead'
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand seed" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand flush" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand bypass" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l seed -d 'What to bring into the cache first: none, allocated or first:SIZE [default: as it was attached]' -r -f -a "none\t''
allocated\t''
first:\t''"
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l rate -d 'Seed at most so many bytes a second, 0 for no limit [default: seed.rate]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l no-wait -d 'Do not wait for the seed: the disk is served from Ceph until another process has filled its cache, which `status` shows'
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand insert" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand mode" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l wait -d 'Wait at most so long for Ceph to answer, where there are disks: `10m`' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand recover" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l lease -d 'Ask Ceph for all leases too; for a named image it is always asked'
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l check -d 'End with 13 unless all of them are well, for monitoring'
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand status" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "import" -d 'Make an image from a file or a stream'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "clone" -d 'Make a copy-on-write clone'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "ls" -d 'List images'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "info" -d 'Show one image: size, features, parent, snapshots, watchers'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "rm" -d 'Remove an image'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "resize" -d 'Change an image\'s size'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "flatten" -d 'Copy what a clone shares with its parent, so that it needs it no more'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "rename" -d 'Rename an image within its pool'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "snap" -d 'Snapshots of an image'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and not __fish_seen_subcommand_from import clone ls info rm resize flatten rename snap help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l format -d 'raw, qcow2, vmdk, vhd or vdi [default: found out by the first bytes]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l checksum -d 'What the source must hash to, packed as it comes: md5:HEX, sha256:HEX or sha512:HEX' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l size -d 'The image\'s size, at least the source\'s' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l rate -d 'At most so many bytes a second' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l data-pool -d 'Pool for the data, such as an erasure-coded one' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l object-size -d 'Bytes of one RADOS object, a power of two [default: Ceph\'s]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l features -d 'Features as rbd(8) names them, with commas [default: Ceph\'s]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l staging-dir -d 'Where a source that must be staged is staged [default: $TMPDIR or /var/tmp]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l size -d 'The clone\'s size, at least the parent\'s' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l data-pool -d 'Pool for the clone\'s data; it is not inherited' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from clone" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l all-namespaces -d 'The images of every namespace of the pool'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l allocated -d 'Say what each image takes; slow without the feature fast-diff'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from info" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l snapshots -d 'Remove its snapshots too, unless one has clones'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l missing-ok -d 'It is no error if there is no such image'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l allow-shrink -d 'Make it smaller; the data beyond are lost'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from resize" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from flatten" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from rename" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -f -a "ls" -d 'List the snapshots of an image'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -f -a "create" -d 'Make a snapshot'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -f -a "rm" -d 'Remove a snapshot'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -f -a "protect" -d 'Protect a snapshot from removal, so that it can be cloned'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -f -a "unprotect" -d 'Allow a snapshot\'s removal again'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -f -a "rollback" -d 'Set an image back to a snapshot; later writes are lost'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from snap" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "import" -d 'Make an image from a file or a stream'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "clone" -d 'Make a copy-on-write clone'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List images'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "info" -d 'Show one image: size, features, parent, snapshots, watchers'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "rm" -d 'Remove an image'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "resize" -d 'Change an image\'s size'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "flatten" -d 'Copy what a clone shares with its parent, so that it needs it no more'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "rename" -d 'Rename an image within its pool'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "snap" -d 'Snapshots of an image'
complete -c warmblock -n "__fish_warmblock_using_subcommand image; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "inventory" -d 'Check the inventory and list what it serves'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "render" -d 'Write tgt-admin\'s file of every client'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "check" -d 'Check tgt-admin\'s files for what they do and do not say'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "apply" -d 'Bring the running tgtd to what the inventory says'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "status" -d 'Show what tgtd has, beside what it should have'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "verify" -d 'Log in as an initiator does, and compare what is found'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "resize" -d 'Let a live LUN show its image\'s new size'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "failover" -d 'Let another gateway serve a client'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "release" -d 'Let go of a client that another gateway serves'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and not __fish_seen_subcommand_from inventory render check apply status verify resize failover release help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l gateway -d 'Which of its gateways this host is [default: the host\'s name]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l offline -d 'Do without Ceph, with the image ids known from the last time'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l online -d 'Ask Ceph about every image: is it there, with exclusive-lock?'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from inventory" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l gateway -d 'Which of its gateways this host is [default: the host\'s name]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l out -d 'Where the files go [default: /etc/tgt/conf.d]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l offline -d 'Do without Ceph, with the image ids known from the last time'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l diff -d 'Show what would change, and write nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l starting -d 'tgtd is about to be started from the files: note in the registry which images it opens. `tgt apply` notes then by which clients'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from render" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l commands -d 'Print what tgt-admin --pretend --execute would, passwords included'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l inventory -d 'The inventory; tgt.d/*.toml beside it is read after it [default: /etc/warmblock/tgt.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l gateway -d 'Which of its gateways this host is [default: the host\'s name]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l out -d 'Where the files go [default: /etc/tgt/conf.d]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l client -d 'Touch this client only' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l socket -d 'tgtd\'s control socket, without the port at its end [default: /var/run/tgtd/socket]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l control-port -d 'tgtd\'s control port' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l offline -d 'Do without Ceph, with the image ids known from the last time'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l force -d 'Change also what disturbs initiators that are connected'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l inventory -d 'The inventory; tgt.d/*.toml beside it is read after it [default: /etc/warmblock/tgt.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l gateway -d 'Which of its gateways this host is [default: the host\'s name]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l socket -d 'tgtd\'s control socket, without the port at its end [default: /var/run/tgtd/socket]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l control-port -d 'tgtd\'s control port' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l offline -d 'Do without Ceph, with the image ids known from the last time'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l all -d 'Ask the other gateways too, over ssh'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l inventory -d 'The inventory; tgt.d/*.toml beside it is read after it [default: /etc/warmblock/tgt.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l gateway -d 'Which of its gateways this host is [default: the host\'s name]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l socket -d 'tgtd\'s control socket, without the port at its end [default: /var/run/tgtd/socket]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l control-port -d 'tgtd\'s control port' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l offline -d 'Do without Ceph, with the image ids known from the last time'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l all -d 'Ask the other gateways too, and compare them'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l heal -d 'Make LUNs anew whose client Ceph has thrown out'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l inventory -d 'The inventory; tgt.d/*.toml beside it is read after it [default: /etc/warmblock/tgt.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l gateway -d 'Which of its gateways this host is [default: the host\'s name]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l socket -d 'tgtd\'s control socket, without the port at its end [default: /var/run/tgtd/socket]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l control-port -d 'tgtd\'s control port' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l force -d 'Although initiators are connected: their I/O has been stopped'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l offline -d 'Do without Ceph, with the image ids known from the last time'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from resize" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l to -d 'The gateway that is to serve it; asked over ssh if it is another' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l patience -d 'How many seconds the old gateway has to let go by itself' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l inventory -d 'The inventory; tgt.d/*.toml beside it is read after it [default: /etc/warmblock/tgt.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l gateway -d 'Which of its gateways this host is [default: the host\'s name]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l socket -d 'tgtd\'s control socket, without the port at its end [default: /var/run/tgtd/socket]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l control-port -d 'tgtd\'s control port' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l dead -d 'Do not ask the old gateway to let go: it is dead. It is fenced all the same'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l offline -d 'Do without Ceph, with the image ids known from the last time'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from failover" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l inventory -d 'The inventory; tgt.d/*.toml beside it is read after it [default: /etc/warmblock/tgt.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l gateway -d 'Which of its gateways this host is [default: the host\'s name]' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l socket -d 'tgtd\'s control socket, without the port at its end [default: /var/run/tgtd/socket]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l control-port -d 'tgtd\'s control port' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l offline -d 'Do without Ceph, with the image ids known from the last time'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "inventory" -d 'Check the inventory and list what it serves'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "render" -d 'Write tgt-admin\'s file of every client'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check tgt-admin\'s files for what they do and do not say'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "apply" -d 'Bring the running tgtd to what the inventory says'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "status" -d 'Show what tgtd has, beside what it should have'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Log in as an initiator does, and compare what is found'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "resize" -d 'Let a live LUN show its image\'s new size'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "failover" -d 'Let another gateway serve a client'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "release" -d 'Let go of a client that another gateway serves'
complete -c warmblock -n "__fish_warmblock_using_subcommand tgt; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -f -a "ls" -d 'List the cache drivers, and whether this host can use them'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -f -a "check" -d 'Try whether a driver does what the protocol has it promise'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and not __fish_seen_subcommand_from ls check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from help" -f -a "ls" -d 'List the cache drivers, and whether this host can use them'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from help" -f -a "check" -d 'Try whether a driver does what the protocol has it promise'
complete -c warmblock -n "__fish_warmblock_using_subcommand driver; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -f -a "tm" -d 'Do an action of the transfer-manager driver'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -f -a "ds" -d 'Do an action of the datastore driver'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -f -a "install" -d 'Install the drivers into this OpenNebula front-end'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -f -a "uninstall" -d 'Take the drivers out of this OpenNebula front-end'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -f -a "doctor" -d 'Check the drivers\' installation, from oned.conf to every host'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and not __fish_seen_subcommand_from tm ds install uninstall doctor help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from tm" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from ds" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l location -d 'Directory of a self-contained installation [default: $ONE_LOCATION, or the directories of the packages]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l location -d 'Directory of a self-contained installation [default: $ONE_LOCATION, or the directories of the packages]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l dry-run -d 'Say what would be done, and do nothing'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from uninstall" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l location -d 'Directory of a self-contained installation [default: $ONE_LOCATION, or the directories of the packages]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from doctor" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from help" -f -a "tm" -d 'Do an action of the transfer-manager driver'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from help" -f -a "ds" -d 'Do an action of the datastore driver'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from help" -f -a "install" -d 'Install the drivers into this OpenNebula front-end'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from help" -f -a "uninstall" -d 'Take the drivers out of this OpenNebula front-end'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from help" -f -a "doctor" -d 'Check the drivers\' installation, from oned.conf to every host'
complete -c warmblock -n "__fish_warmblock_using_subcommand one; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l print-sudoers -d 'Print the sudoers file that lets OpenNebula\'s user act here' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l print-udev-rules -d 'Print the udev rules that keep the host away from guest disks'
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l print-recover-unit -d 'Print the systemd unit that brings the host\'s disks up at boot'
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -f -a "show" -d 'Print every key with its value in effect'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and not __fish_seen_subcommand_from show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print every key with its value in effect'
complete -c warmblock -n "__fish_warmblock_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand host" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand copier" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand seeder" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -l config -d 'Configuration file; conf.d/*.toml beside it is read after it [default: /etc/warmblock/warmblock.toml]' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -l root -d 'Put every path below this directory, for tests' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -l progress -d 'How progress is shown on standard error: bar, json (one line each), quiet or auto: a bar on a terminal, nothing elsewhere' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -l id -d 'Ceph client id, without "client."' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -l conf -d 'Ceph configuration file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -l keyring -d 'Ceph keyring file' -r -F
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -l cluster -d 'Ceph cluster name' -r
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -l json -d 'Answer with one JSON document on standard output, errors too'
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -s v -l verbose -d 'Say more on standard error; twice for every external command'
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -s q -l quiet -d 'Say nothing on standard error but errors; commands on disks tell no steps that were done, doctor no checks that are well'
complete -c warmblock -n "__fish_warmblock_using_subcommand docgen" -s h -l help -d 'Print help'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "attach" -d 'Bring a disk up with its cache and print the device to open'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "detach" -d 'Take a disk down: flush, prove clean, remove every layer'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "seed" -d 'Fill the cache of an attached disk, beginning anew'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "flush" -d 'Write dirty blocks back to Ceph and prove that none is left'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "bypass" -d 'Take the cache out of the path of an attached disk'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "insert" -d 'Put a cache into the path of an attached disk again'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "mode" -d 'Change the cache mode of an attached disk'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "recover" -d 'Find everything of ours on this host and finish what was begun'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "status" -d 'Show the disks of this host, layer by layer'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "image" -d 'Import, clone, list and remove images'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "tgt" -d 'Export images to ESXi as iSCSI targets, through stgt'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "driver" -d 'List the cache drivers, or try one that is not of warmblock itself'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "one" -d 'Serve OpenNebula as its datastore and transfer-manager driver'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "doctor" -d 'Check that this host has what warmblock needs, and say what to do'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "config" -d 'Show the configuration in effect'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "host" -d 'Read one job as JSON on standard input, answer in JSON'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "copier" -d 'Copy blocks for a job that watches this process'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "seeder" -d 'Fill the cache that an attach left for later'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "docgen" -d 'Write man pages, completions and schemas'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and not __fish_seen_subcommand_from attach detach seed flush bypass insert mode recover status image tgt driver one doctor config host copier seeder docgen help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "import" -d 'Make an image from a file or a stream'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "clone" -d 'Make a copy-on-write clone'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "ls" -d 'List images'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "info" -d 'Show one image: size, features, parent, snapshots, watchers'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "rm" -d 'Remove an image'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "resize" -d 'Change an image\'s size'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "flatten" -d 'Copy what a clone shares with its parent, so that it needs it no more'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "rename" -d 'Rename an image within its pool'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from image" -f -a "snap" -d 'Snapshots of an image'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "inventory" -d 'Check the inventory and list what it serves'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "render" -d 'Write tgt-admin\'s file of every client'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "check" -d 'Check tgt-admin\'s files for what they do and do not say'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "apply" -d 'Bring the running tgtd to what the inventory says'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "status" -d 'Show what tgtd has, beside what it should have'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "verify" -d 'Log in as an initiator does, and compare what is found'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "resize" -d 'Let a live LUN show its image\'s new size'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "failover" -d 'Let another gateway serve a client'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from tgt" -f -a "release" -d 'Let go of a client that another gateway serves'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from driver" -f -a "ls" -d 'List the cache drivers, and whether this host can use them'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from driver" -f -a "check" -d 'Try whether a driver does what the protocol has it promise'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from one" -f -a "tm" -d 'Do an action of the transfer-manager driver'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from one" -f -a "ds" -d 'Do an action of the datastore driver'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from one" -f -a "install" -d 'Install the drivers into this OpenNebula front-end'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from one" -f -a "uninstall" -d 'Take the drivers out of this OpenNebula front-end'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from one" -f -a "doctor" -d 'Check the drivers\' installation, from oned.conf to every host'
complete -c warmblock -n "__fish_warmblock_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Print every key with its value in effect'
