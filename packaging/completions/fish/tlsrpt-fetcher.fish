# fish completion of tlsrpt-fetcher, made from the table of its options.
complete -c tlsrpt-fetcher -f
complete -c tlsrpt-fetcher -l config_file -r -F -d 'The configuration file'
complete -c tlsrpt-fetcher -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrpt-fetcher -l help -d 'Print this text and exit'
complete -c tlsrpt-fetcher -l version -d 'Print the version and exit'
complete -c tlsrpt-fetcher -l storage -x -a 'sqlite:/// dummy:' -d 'The storage of the collector, as in its configuration'
complete -c tlsrpt-fetcher -l logfilename -r -F -d 'A file for the log, beside standard error'
complete -c tlsrpt-fetcher -l log_level -x -a 'debug info warn error' -d 'The least level that is logged'
