complete -c tlsrpt-shipper -l config_file -d 'The configuration file' -r -F
complete -c tlsrpt-shipper -l ship_to -d 'The fleet\'s database, that of its reporters: postgresql://USER@HOST[:PORT][,HOST...]/DATABASE' -r -f
complete -c tlsrpt-shipper -l ship_to_password_file -d 'A file with the password of the database\'s user, in its first line' -r -F
complete -c tlsrpt-shipper -l ship_as -d 'The name of this collector in the fleet, one for each' -r -f
complete -c tlsrpt-shipper -l ship_interval -d 'How often today is read and shipped' -r -f
complete -c tlsrpt-shipper -l storage -d 'The storage of the collector, as in its configuration' -r -f -a "sqlite:///\t''
dummy:\t''"
complete -c tlsrpt-shipper -l observation_socket -d 'The observation socket of the collector, as in its configuration: asked for what is counted today' -r -F
complete -c tlsrpt-shipper -l fetcher -d 'The program that reads the collector\'s days' -r -f
complete -c tlsrpt-shipper -l pidfilename -d 'A file for the number of the process' -r -F
complete -c tlsrpt-shipper -l logfilename -d 'A file for the log, beside standard error' -r -F
complete -c tlsrpt-shipper -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrpt-shipper -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrpt-shipper -l help -d 'Print this text and exit'
complete -c tlsrpt-shipper -l version -d 'Print the version and exit'
