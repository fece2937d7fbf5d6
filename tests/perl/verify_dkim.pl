# What Mail::DKIM says of each DKIM signature of a mail.
#
# Usage: verify_dkim.pl SERVER PORT < MAIL. Prints SELECTOR and "pass", or why not, a line a signature.

use strict;
use warnings;

use Mail::DKIM::DNS;
use Mail::DKIM::Verifier;
use Net::DNS::Resolver;

my ($server, $port) = @ARGV;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => [$server], port => $port));
my $verifier = Mail::DKIM::Verifier->new;
binmode STDIN;
while (<STDIN>) {
    $verifier->PRINT($_);
}
$verifier->CLOSE;
print $_->selector, ' ', $_->result_detail, "\n" for $verifier->signatures;
