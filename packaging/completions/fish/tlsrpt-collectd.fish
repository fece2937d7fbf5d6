complete -c tlsrpt-collectd -l config_file -d 'The configuration file' -r -F
complete -c tlsrpt-collectd -l storage -d 'Where the counters are kept' -r -f -a "sqlite:///\t''
dummy:\t''"
complete -c tlsrpt-collectd -l socketname -d 'The Unix datagram socket that the MTA writes to' -r -F
complete -c tlsrpt-collectd -l socketuser -d 'The owner of the socket, by name or number' -r -f
complete -c tlsrpt-collectd -l socketgroup -d 'The group of the socket, by name or number' -r -f
complete -c tlsrpt-collectd -l socketmode -d 'The permissions of the socket, octal' -r -f
complete -c tlsrpt-collectd -l sockettimeout -d 'What has come in is on the disk after this time at the latest' -r -f
complete -c tlsrpt-collectd -l max_uncommited_datagrams -d 'Commit after that many datagrams (spelled so)' -r -f
complete -c tlsrpt-collectd -l retry_commit_datagram_count -d 'After a commit that failed, try again after that many datagrams more' -r -f
complete -c tlsrpt-collectd -l pidfilename -d 'The file for the process number' -r -F
complete -c tlsrpt-collectd -l logfilename -d 'A file for the log, beside standard error; or /dev/stdout or another standard stream, instead of it' -r -F
complete -c tlsrpt-collectd -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrpt-collectd -l daily_rollover_script -d 'A command to run after a day was closed' -r -f
complete -c tlsrpt-collectd -l dump_path_for_invalid_datagram -d 'A file into which an invalid datagram is written; the next one overwrites it' -r -F
complete -c tlsrpt-collectd -l keep_days -d 'Closed days are kept that long, for a reporter that was away' -r -f
complete -c tlsrpt-collectd -l clock_confirmation -d 'A clock that jumps is accepted when its new time has been stable for this long' -r -f
complete -c tlsrpt-collectd -l max_queued_datagrams -d 'Datagrams that wait for the writer; more are counted as dropped' -r -f
complete -c tlsrpt-collectd -l max_datagram_size -d 'Bytes of a datagram; a longer one is counted as invalid' -r -f
complete -c tlsrpt-collectd -l max_text_length -d 'Bytes of one text of a datagram; the rest is cut off' -r -f
complete -c tlsrpt-collectd -l max_policies_per_domain -d 'Distinct policies counted for a domain and day; more are counted together, by type' -r -f
complete -c tlsrpt-collectd -l max_failures_per_policy -d 'Distinct failure details counted for a policy; more are counted together, by result type' -r -f
complete -c tlsrpt-collectd -l max_domains_in_memory -d 'Distinct datagrams that are recognised without being read again, as a rule one or two a domain; about 100 bytes each' -r -f
complete -c tlsrpt-collectd -l max_day_file_size -d 'Bytes of a day\'s file' -r -f
complete -c tlsrpt-collectd -l stats_file -d 'The collector\'s metrics are written here every ten seconds, in Prometheus\' text format and for everybody to read: for node_exporter\'s textfile collector' -r -F
complete -c tlsrpt-collectd -l observation_socket -d 'A Unix stream socket that answers what the collector does, for tlsrpt-fetcher, tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrpt-collectd -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrpt-collectd -l help -d 'Print this text and exit'
complete -c tlsrpt-collectd -l version -d 'Print the version and exit'
