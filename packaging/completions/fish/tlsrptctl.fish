# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_tlsrptctl_global_optspecs
    string join \n config_file= check_config help version until= reason= domain= log_level= dbname= contact_info= max_destinations= tlsrpt_record_map= mail_destination_map= http_upload_map= debug_send_mail_dest= debug_send_http_dest= debug_send_file_dest= dkim_domain= dkim_keys=
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
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l until -d 'Of suppress add: the last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l reason -d 'Of suppress add: why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l domain -d 'Of suppress remove: only for reports on this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dbname -d 'The database of the reporter' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "status" -d 'Print the counts of fetch jobs, report data and deliveries, by day and status'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "maptest" -d 'Print the destinations of a record before and after the maps'
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "dkim-record" -d 'Print the TXT records that belong to dkim_keys, as a zone file has them: that of the second selector with s=tlsrpt, the others without s='
complete -c tlsrptctl -n "__fish_tlsrptctl_needs_command" -f -a "suppress"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l until -d 'Of suppress add: the last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l reason -d 'Of suppress add: why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l domain -d 'Of suppress remove: only for reports on this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dbname -d 'The database of the reporter' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand status" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l until -d 'Of suppress add: the last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l reason -d 'Of suppress add: why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l domain -d 'Of suppress remove: only for reports on this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dbname -d 'The database of the reporter' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand maptest" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l until -d 'Of suppress add: the last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l reason -d 'Of suppress add: why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l domain -d 'Of suppress remove: only for reports on this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dbname -d 'The database of the reporter' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand dkim-record" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l until -d 'Of suppress add: the last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l reason -d 'Of suppress add: why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l domain -d 'Of suppress remove: only for reports on this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dbname -d 'The database of the reporter' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -f -a "add" -d 'Send no more reports to TARGET: an address, an https: URL, or a name, which stands for all addresses of that mail domain and all URLs of that host; .NAME stands for its subdomains'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -f -a "remove" -d 'Send reports to TARGET again: all of them, or with --domain those on DOMAIN, when it was put on the list for having refused them'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and not __fish_seen_subcommand_from add remove list" -f -a "list" -d 'Print what is suppressed, until when, since when, by whom, how often and why'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l until -d 'Of suppress add: the last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l reason -d 'Of suppress add: why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l domain -d 'Of suppress remove: only for reports on this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dbname -d 'The database of the reporter' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from add" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l until -d 'Of suppress add: the last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l reason -d 'Of suppress add: why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l domain -d 'Of suppress remove: only for reports on this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dbname -d 'The database of the reporter' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from remove" -l version -d 'Print the version and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l config_file -d 'The configuration file' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l until -d 'Of suppress add: the last day, YYYY-MM-DD' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l reason -d 'Of suppress add: why, for whoever reads the list' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l domain -d 'Of suppress remove: only for reports on this domain' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dbname -d 'The database of the reporter' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l help -d 'Print this text and exit'
complete -c tlsrptctl -n "__fish_tlsrptctl_using_subcommand suppress; and __fish_seen_subcommand_from list" -l version -d 'Print the version and exit'
