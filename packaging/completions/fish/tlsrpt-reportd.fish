complete -c tlsrpt-reportd -l config_file -d 'The configuration file' -r -F
complete -c tlsrpt-reportd -l pidfilename -d 'The file for the process number' -r -F
complete -c tlsrpt-reportd -l logfilename -d 'A file for the log, beside standard error; or /dev/stdout or another standard stream, instead of it' -r -F
complete -c tlsrpt-reportd -l log_level -d 'The least level that is logged' -r -f -a "debug\t''
info\t''
warn\t''
error\t''"
complete -c tlsrpt-reportd -l log_sent_interval -d 'With log_level info, reports that are stored or sent are counted, and logged as one line in so many seconds: a large day fills no disk' -r -f
complete -c tlsrpt-reportd -l dbname -d 'The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address' -r -F
complete -c tlsrpt-reportd -l dbname_password_file -d 'A file whose first line is the password for the PostgreSQL database that dbname names' -r -F
complete -c tlsrpt-reportd -l fetchers -d 'The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher' -r -f
complete -c tlsrpt-reportd -l fetch_deadline -d 'So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age' -r -f
complete -c tlsrpt-reportd -l max_retries_domainlist -d 'How often a fetcher that failed is called again' -r -f
complete -c tlsrpt-reportd -l min_wait_domainlist -d 'The least wait before a fetcher is called again' -r -f
complete -c tlsrpt-reportd -l max_wait_domainlist -d 'The longest wait before a fetcher is called again' -r -f
complete -c tlsrpt-reportd -l max_retries_domaindetails -d 'As max_retries_domainlist, for the details of a domain' -r -f
complete -c tlsrpt-reportd -l min_wait_domaindetails -d 'As min_wait_domainlist, for the details of a domain' -r -f
complete -c tlsrpt-reportd -l max_wait_domaindetails -d 'As max_wait_domainlist, for the details of a domain' -r -f
complete -c tlsrpt-reportd -l max_collectd_timediff -d 'A collector\'s clock that differs by more is warned of' -r -f
complete -c tlsrpt-reportd -l max_answer_size -d 'Bytes of a collector\'s answer for a day, a domain counted as at least 256: what is beyond them is left out' -r -f
complete -c tlsrpt-reportd -l max_collectd_timeout -d 'Accepted for existing files; it has no effect' -r -f
complete -c tlsrpt-reportd -l interval_main_loop -d 'The longest time between two looks at what is due' -r -f
complete -c tlsrpt-reportd -l keep_days -d 'Reports and their outcomes are kept that long' -r -f
complete -c tlsrpt-reportd -l max_kept_reports_size -d 'Bytes of reports, compressed as they were sent, that are kept for keep_days, for tlsrptctl show and resend: beyond them the oldest go first' -r -f
complete -c tlsrpt-reportd -l history_days -d 'The totals and failures of each day are remembered that long, for tlsrptctl history and failures' -r -f
complete -c tlsrpt-reportd -l history_failures -d 'Failures that are remembered of a day, each a domain, MX, policy type, result type and reason: those of the most sessions' -r -f
complete -c tlsrpt-reportd -l clock_confirmation -d 'A clock that jumps is accepted when its new time has been stable for this long' -r -f
complete -c tlsrpt-reportd -l late_interval -d 'So often collectors are asked whether something was added to a day that they have told already: it is reported late' -r -f
complete -c tlsrpt-reportd -l organization_name -d 'Your organization, as named in reports' -r -f
complete -c tlsrpt-reportd -l contact_info -d 'The address that receivers of reports may write to' -r -f
complete -c tlsrpt-reportd -l sender_address -d 'The From address of report mails; a display name is allowed' -r -f
complete -c tlsrpt-reportd -l compression_level -d 'zlib\'s level; -1 is its own default' -r -f
complete -c tlsrpt-reportd -l max_report_size -d 'Bytes of a report before it is compressed: in a larger one details become one, the rare ones first; the counters stay exact' -r -f
complete -c tlsrpt-reportd -l loop_guard -d 'For an MTA that counts the sessions of report mails, as Postfix 3.10.0 to 3.10.3 do: a domain whose sessions may all have carried reports on it is reported once a week' -r -f -a "yes\t''
no\t''"
complete -c tlsrpt-reportd -l report_days -d 'all: every day of a domain with sessions is reported; failures: only a day with a failed session' -r -f -a "all\t''
failures\t''"
complete -c tlsrpt-reportd -l min_sessions -d 'A domain\'s day with fewer sessions is not reported' -r -f
complete -c tlsrpt-reportd -l mx_reports -d 'yes: the TLSRPT record of a MX host with DANE is asked for as well, and its operator gets one report a day on all sessions there, whatever the recipient domains' -r -f -a "yes\t''
no\t''"
complete -c tlsrpt-reportd -l max_report_age -d 'A day that ended longer ago is no longer reported' -r -f
complete -c tlsrpt-reportd -l resolve_records -d 'Look the TXT record up when the report is made; no: take what the MTA saw' -r -f -a "yes\t''
no\t''"
complete -c tlsrpt-reportd -l dns_servers -d 'The name servers to ask' -r -f
complete -c tlsrpt-reportd -l dns_timeout -d 'The wait for a name server' -r -f
complete -c tlsrpt-reportd -l max_destinations -d 'Addresses used of one record' -r -f
complete -c tlsrpt-reportd -l max_reports_per_destination -d 'Reports of one day to one mail domain or https host, on domains other than its own; 0 sets no bound' -r -f
complete -c tlsrpt-reportd -l known_destinations -d 'Mail domains and https hosts, each with its subdomains, that are known to take the reports of many domains: max_reports_per_destination leaves them alone, and no warning says that many records name them' -r -f
complete -c tlsrpt-reportd -l destination_dnsbl -d 'DNS block lists of domain names, as reject_rhsbl_sender of Postfix takes them: a mail domain or https host of a record gets no reports while it is on one' -r -f
complete -c tlsrpt-reportd -l tlsrpt_record_map -d 'A map over the destinations of a record, by the domain that is reported on' -r -F
complete -c tlsrpt-reportd -l mail_destination_map -d 'A map over each mailto: destination' -r -F
complete -c tlsrpt-reportd -l http_upload_map -d 'A map over each https: destination' -r -F
complete -c tlsrpt-reportd -l debug_send_mail_dest -d 'For tests: takes the place of every mailto: destination' -r -f
complete -c tlsrpt-reportd -l debug_send_http_dest -d 'For tests: takes the place of every https: destination' -r -f
complete -c tlsrpt-reportd -l debug_send_file_dest -d 'For tests: a directory into which every report is saved too' -r -F
complete -c tlsrpt-reportd -l spread_out_delivery -d 'Deliveries are spread over this time by chance; 1 means now' -r -f
complete -c tlsrpt-reportd -l retry_window -d 'A delivery is given up that long after its first attempt' -r -f
complete -c tlsrpt-reportd -l max_retries_delivery -d 'How often a delivery that failed is repeated' -r -f
complete -c tlsrpt-reportd -l min_wait_delivery -d 'The least wait between two attempts' -r -f
complete -c tlsrpt-reportd -l max_wait_delivery -d 'The longest wait between two attempts' -r -f
complete -c tlsrpt-reportd -l max_concurrent_deliveries -d 'HTTPS posts under way at one time' -r -f
complete -c tlsrpt-reportd -l max_concurrent_per_host -d 'Posts to one host at one time, over all its ports' -r -f
complete -c tlsrpt-reportd -l max_rate_per_host -d 'Deliveries a second that are begun to one https host; 0 sets no bound' -r -f
complete -c tlsrpt-reportd -l max_mail_rate_per_domain -d 'Mails a minute that are begun to one mail domain, whatever relay takes them; 0 sets no bound' -r -f
complete -c tlsrpt-reportd -l mail_transport -d 'sendmail runs the program of that name; smtp://HOST[:PORT] gives mails to a relay, with STARTTLS when offered; smtps:// inside TLS' -r -f -a "sendmail\t''
smtp://\t''
smtps://\t''"
complete -c tlsrpt-reportd -l helo_name -d 'The name by which the relay is greeted (EHLO): a host name, or an address in brackets' -r -f
complete -c tlsrpt-reportd -l mail_user -d 'The user for SMTP AUTH' -r -f
complete -c tlsrpt-reportd -l mail_password_file -d 'A file whose first line is the password for SMTP AUTH' -r -F
complete -c tlsrpt-reportd -l bcc_address -d 'A copy of every report mail goes here, by the envelope only' -r -f
complete -c tlsrpt-reportd -l bounce_address -d 'The envelope sender of report mails, with bounce_delimiter and a tag that names the delivery: tlsrpt-bounces+TAG@example.com' -r -f
complete -c tlsrpt-reportd -l bounce_delimiter -d 'What stands between bounce_address and the tag: a character of Postfix\'s recipient_delimiter' -r -f
complete -c tlsrpt-reportd -l unclaimed_bounces -d 'A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused' -r -F
complete -c tlsrpt-reportd -l digest_address -d 'The operator\'s own address: says in plain words what failed when we sent, and how the reports fared' -r -f
complete -c tlsrpt-reportd -l digest -d 'When digest_address gets a digest' -r -f -a "never\t''
failures\t''
daily\t''
weekly\t''"
complete -c tlsrpt-reportd -l dkim_domain -d 'The d= of DKIM signatures' -r -f
complete -c tlsrpt-reportd -l dkim_keys -d 'The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs' -r -f
complete -c tlsrpt-reportd -l sendmail_script -d 'A shell command that is given the mail on its standard input' -r -f
complete -c tlsrpt-reportd -l sendmail_timeout -d 'The time for a program to take a mail, after which it is killed' -r -f
complete -c tlsrpt-reportd -l https_verify -d 'Verify the certificates of receivers' -r -f -a "yes\t''
no\t''"
complete -c tlsrpt-reportd -l https_ca_file -d 'More trust anchors, PEM' -r -F
complete -c tlsrpt-reportd -l https_proxy -d 'The proxy for HTTPS' -r -f
complete -c tlsrpt-reportd -l allow_private_destinations -d 'Let the URI of a record lead to addresses that are not global' -r -f -a "yes\t''
no\t''"
complete -c tlsrpt-reportd -l http_script -d 'A shell command that is given the gzip bytes on its standard input and the URL as its last word' -r -f
complete -c tlsrpt-reportd -l http_timeout -d 'The time to connect, and for each part of an upload to be taken; a script is killed after it' -r -f
complete -c tlsrpt-reportd -l debug_db -d 'Log SQL statements' -r -f -a "yes\t''
no\t''"
complete -c tlsrpt-reportd -l observation_socket -d 'A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5)' -r -F
complete -c tlsrpt-reportd -l check_config -d 'Check the configuration, print it with the origin of each setting, and exit'
complete -c tlsrpt-reportd -l help -d 'Print this text and exit'
complete -c tlsrpt-reportd -l version -d 'Print the version and exit'
