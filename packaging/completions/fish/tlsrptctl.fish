# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_tlsrptctl_global_optspecs
    string join \n config_file= json check_config help version log_level= dbname= dbname_password_file= fetchers= fetch_deadline= contact_info= dns_servers= dns_timeout= max_destinations= tlsrpt_record_map= mail_destination_map= http_upload_map= debug_send_mail_dest= debug_send_http_dest= debug_send_file_dest= bcc_address= unclaimed_bounces= dkim_domain= dkim_keys= observation_socket=
end

function __fish_tlsrptctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_tlsrptctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_tlsrptctl_using_subcommand
    set -l cmd (__fish_tlsrptctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "status" -d 'Print in one screen how collectors and reporter are, how the last closed day went, what waits and why, and what is throttled'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "metrics" -d 'Print all figures for a monitoring system, in Prometheus\' text format, with names, units and help'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "history" -d 'Print a line a day, 30 unless --days says otherwise: domains, sessions, how many of them were secured, by policy, and what became of the reports'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "failures" -d 'Print what failed when we sent, on the last closed day or the last N: sessions, policy, result, domain, MX and reason'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "deliveries" -d 'Print the reports of a day, by default the last closed one: when, on which domain, to whom, the answer or the reason, and the next try'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "show" -d 'Print the report on a domain as people read it, with --json as it was sent, with --mail the whole mail'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "why" -d 'Say in one sentence what became of a domain\'s report, from the datagram to the last answer; or why there is none'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "resend" -d 'Ask the running reporter to send a report again, the same with the same report-id: to its destinations, or with --to to that one'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "send-test" -d 'Ask the running reporter to send a test report, marked as such, to mailto:ADDRESS or https://URL the way reports go, maps aside: one attempt, at once'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "requests"
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "bounce" -d 'Take a mail that came to bounce_address, on standard input, as Postfix\'s pipe(8) or an alias runs it'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "dkim-record" -d 'Print the TXT records that belong to dkim_keys, as a zone file has them: that of the second selector with s=tlsrpt, the others without s='
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "doctor" -d 'Look at the whole set-up: configuration, socket, Postfix, database, fetchers, name servers, DKIM keys, DMARC and SPF, contact address, relay, certificates, clock, disk'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "fleet" -d 'Print how a fleet is, whose database dbname has on PostgreSQL: its members with their leases and shards, its collectors with the day that they have shipped and since when they are silent, and its days: which collectors are done, who is missing, what came late'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "maptest" -d 'Print the destinations of a record before and after the maps; without RECORD, of the one that DNS has'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "suppress"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l check -d 'One line and exit status for the monitoring'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l output -d 'Write them to this file' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand metrics" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l days -d 'So many days, the last closed one included' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand history" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l days -d 'So many days, the last closed one included' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l domain -d 'Only for this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l limit -d 'At most so many lines' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l new -d 'Only what did not fail in the week before'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l explain -d 'With what each result means and what to do'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand failures" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l domain -d 'Only for this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l status -d 'Only those; none: domains without a report' -r -f -a "waiting\t''
sent\t''
refused\t''
timedout\t''
expired\t''
suppressed\t''
unknownrua\t''
none\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l limit -d 'At most so many lines' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand deliveries" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l mail -d 'The whole mail'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand show" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand why" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l to -d 'To this destination instead of those of the report' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l wait -d 'Wait so long for the answer; 60 by default' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l no_wait -d 'Do not wait for the answer'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand resend" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l wait -d 'Wait so long for the answer; 60 by default' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l no_wait -d 'Do not wait for the answer'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand send-test" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -f -a "list" -d 'Print the resends and tests that were asked for and have not ended: number, since when, what, to whom, by whom, why each waits, and the next try'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and not __fish_seen_subcommand_from list withdraw" -f -a "withdraw" -d 'Take back requests that wait, by their numbers in the list'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from list" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand requests; and __fish_seen_subcommand_from withdraw" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l recipient -d 'The address that the mail came to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand bounce" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l new -d 'Make a key for this selector' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l type -d 'Which key to make' -r -f -a "rsa\t''
ed25519\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l out -d 'Where to put the new key' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l user -d 'The service\'s user, whose eyes to look with' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l collectd_config -d 'The collector\'s configuration' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand doctor" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -f -a "retire" -d 'Take a collector or a member out of the fleet, by its name in the list, a member also by its number'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -f -a "unretire" -d 'Take fleet retire of a collector back: it is waited for again, on each day that is still open'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -f -a "import" -d 'Bring everything from FILE, the SQLite database of a reporter that is stopped, into the fleet: reports with their deliveries, suppressions, requests, history, and the days that are done'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and not __fish_seen_subcommand_from retire unretire import export" -f -a "export" -d 'Bring everything from the fleet into FILE, a new SQLite database, for one reporter to go on with'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from retire" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from unretire" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from import" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand fleet; and __fish_seen_subcommand_from export" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -f -a "add" -d 'Send no more reports to TARGET: an address, an https: URL, or a name, which stands for all addresses of that mail domain and all URLs of that host; .NAME stands for its subdomains'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -f -a "remove" -d 'Send reports to TARGET again: all of them, or with --domain those on DOMAIN, when it was put on the list for having refused them'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -f -a "list" -d 'Print what is suppressed, until when, since when, by whom, how often and why'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l until -d 'The last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l reason -d 'Why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l domain -d 'Only for this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l json -d 'Print the answer as JSON, in one line, whatever the command'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l version -d 'Print the version and exit'
