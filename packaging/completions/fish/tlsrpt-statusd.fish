complete -c tlsrpt-statusd -l config_file -d 'The configuration file' -r -F
complete -c tlsrpt-statusd -l reportd_config -d 'The configuration of the reporter that is shown: its dbname, observation_socket and fetchers are read there' -r -F
complete -c tlsrpt-statusd -l collector_sockets -d 'The observation sockets of the collectors of this host' -r -F
complete -c tlsrpt-statusd -l listen -d 'Where HTTP is served' -r -f
complete -c tlsrpt-statusd -l allow_remote -d 'Whether listen may be an address that other hosts reach' -r -f -a "yes\t''
no\t''"
complete -c tlsrpt-statusd -l host_names -d 'Further names by which a browser may ask for the page' -r -f
complete -c tlsrpt-statusd -l max_connections -d 'Connections at once' -r -f
complete -c tlsrpt-statusd -l exit_when_idle -d 'Without a connection for so long, the program ends when the service manager passed its socket, and is started again by the next connection' -r -f
complete -c tlsrpt-statusd -l refresh_interval -d 'Store and daemons are asked at most once in so many seconds, however many ask the page' -r -f
complete -c tlsrpt-statusd -l logfilename -d 'A file for the log, beside standard error' -r -F
complete -c tlsrpt-statusd -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrpt-statusd -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrpt-statusd -l help -d 'Print this text and exit'
complete -c tlsrpt-statusd -l version -d 'Print the version and exit'
