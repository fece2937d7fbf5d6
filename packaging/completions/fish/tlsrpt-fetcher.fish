complete -c tlsrpt-fetcher -l config_file -d 'The configuration file' -r -F
complete -c tlsrpt-fetcher -l storage -d 'The storage of the collector, as in its configuration' -r -f -a "sqlite:///\t''
dummy:\t''"
complete -c tlsrpt-fetcher -l logfilename -d 'A file for the log, beside standard error' -r -F
complete -c tlsrpt-fetcher -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrpt-fetcher -l observation_socket -d 'The observation socket of the collector, as in its configuration: asked for today and status' -r -F
complete -c tlsrpt-fetcher -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrpt-fetcher -l help -d 'Print this text and exit'
complete -c tlsrpt-fetcher -l version -d 'Print the version and exit'
