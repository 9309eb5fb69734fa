# Runs tgt-admin once per line of standard input: DIRECTORY, OUTPUT FILE, ARGUMENTS..., separated by tabs; answers with
# a line each: its exit code. The script itself is unchanged; only Perl and its modules are loaded once for all.
use strict;
use Config::General;
use Getopt::Long;
my $script = shift @ARGV;
$| = 1;
while (my $line = <STDIN>) {
    chomp $line;
    my ($dir, $out, @args) = split /\t/, $line, -1;
    my $pid = fork;
    if (!$pid) {
        # No case takes a tenth of it; one that does not end must not hold up the rest.
        alarm 60;
        chdir $dir or die;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $out or die;
        open STDERR, '>', "$out.err" or die;
        @ARGV = @args;
        do $script;
        # A script that dies ends with errno or 255; here it is always 255.
        print STDERR $@ if $@;
        exit($@ ? 255 : 0);
    }
    waitpid $pid, 0;
    print $? & 127 ? 255 : $? >> 8, "\n";
}
