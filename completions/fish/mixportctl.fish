# mixportctl completion fish

# The words before this one that are neither options nor their values.
function __mixportctl_words
	set -l skip 0
	for word in (commandline -opc)[2..-1]
		if test $skip = 1
			set skip 0
		else if contains -- $word --project -p --socket --url --token-file --color --max-time --type --format --status --job-status --label --attention --kind --state --sort  --format --compression --label --region --role --remap --file --key  --wait --status --since --count -n --for --timeout --type --since --state --exec --state --kind --created --reason --connector --max-list-age --scope --file --config -c --file --config -c --file --config -c --data -d
			set skip 1
		else if not string match -q -- '-*' $word
			echo $word
		end
	end
end

# Whether they begin with this command.
function __mixportctl_is
	string match -q -- "$argv[1] *" (string join ' ' (__mixportctl_words))' '
end

# Whether they are this command and nothing else.
function __mixportctl_is_at
	test "$argv[1]" = (string join ' ' '' (__mixportctl_words) | string trim)
end

function __mixportctl_ask
	set -l kind $argv[1]
	set -l word (commandline -ct)
	if test $kind = records
		switch $word
			case 'job_*'
				set kind jobs
			case 'op_*'
				set kind operations
			case '*'
				set kind connectors
		end
	end
	mixportctl __complete $kind "$word" 2>/dev/null
end

complete -c mixportctl -f
complete -c mixportctl -s j -l json -d 'one JSON document: a record, or an array of records'
complete -c mixportctl -l jsonl -d 'a record of JSON on each line'
complete -c mixportctl -s q -l quiet -d 'ids only, or nothing'
complete -c mixportctl -s p -l project -x -a '(__mixportctl_ask projects)' -d 'of this project only, by name or number'
complete -c mixportctl -l socket -r -F -d 'ask on this UNIX socket'
complete -c mixportctl -l url -x -d 'ask over TCP: http://127.0.0.1:6973'
complete -c mixportctl -l token-file -r -F -d 'the token for TCP'
complete -c mixportctl -l color -x -a 'auto always never' -d 'auto, always or never'
complete -c mixportctl -l max-time -x -d 'for one answer; 75s unless said'
complete -c mixportctl -l wide -d 'whole ids and times, and nothing cut, on a terminal too'
complete -c mixportctl -s v -l verbose -d 'the requests, on standard error'
complete -c mixportctl -l version -d 'the version, and nothing else'
complete -c mixportctl -s h -l help -d 'what the command does and takes'
complete -c mixportctl -n "__mixportctl_is_at ''" -a status -d 'one screen: the daemon, its projects, what runs'
complete -c mixportctl -n "__mixportctl_is_at ''" -a projects -d 'the projects, and how their Mixpanel does'
complete -c mixportctl -n "__mixportctl_is_at ''" -a list -d 'the connectors'
complete -c mixportctl -n "__mixportctl_is 'list'" -l type -x -a 'gcsImport s3Import' -d 'of this connector_type'
complete -c mixportctl -n "__mixportctl_is 'list'" -l format -x -a 'mixpanel_event mixpanel_people mixpanel_group remap_event remap_people remap_group' -d 'of this data_format'
complete -c mixportctl -n "__mixportctl_is 'list'" -l status -x -a 'active stopped paused' -d 'what Mixpanel says of it: active, stopped, paused'
complete -c mixportctl -n "__mixportctl_is 'list'" -l job-status -x -a 'queued running paused succeeded failed cancelled unknown' -d 'the status of its newest job'
complete -c mixportctl -n "__mixportctl_is 'list'" -l label -x -d 'with exactly this label'
complete -c mixportctl -n "__mixportctl_is 'list'" -l attention -x -a 'any none warning critical' -d 'any, none, warning, critical, or a code'
complete -c mixportctl -n "__mixportctl_is 'list'" -l kind -x -a 'cloud_import' -d 'of this kind of import'
complete -c mixportctl -n "__mixportctl_is 'list'" -l state -x -a 'present deleted all' -d 'present (unless said), deleted or all'
complete -c mixportctl -n "__mixportctl_is 'list'" -l sort -x -a 'created_at -created_at' -d 'created_at (unless said) or -created_at, newest first'
complete -c mixportctl -n "__mixportctl_is_at ''" -a show -d 'one connector, job or operation'
complete -c mixportctl -n "__mixportctl_is 'show'" -l history -d 'of a job: what it was each time that it differed'
complete -c mixportctl -n "__mixportctl_is_at 'show'" -a '(__mixportctl_ask records)'
complete -c mixportctl -n "__mixportctl_is_at ''" -a create -d 'a new connector'
complete -c mixportctl -n "__mixportctl_is 'create'" -l format -x -a 'mixpanel_event mixpanel_people mixpanel_group remap_event remap_people remap_group' -d 'the data_format'
complete -c mixportctl -n "__mixportctl_is 'create'" -l compression -x -a 'none gzip' -d 'none or gzip'
complete -c mixportctl -n "__mixportctl_is 'create'" -l label -x -d 'a name for people'
complete -c mixportctl -n "__mixportctl_is 'create'" -l region -x -d 'of the bucket; s3:// needs it'
complete -c mixportctl -n "__mixportctl_is 'create'" -l role -x -d 'that Mixpanel takes on for s3://, which needs it'
complete -c mixportctl -n "__mixportctl_is 'create'" -l remap -x -d 'for the remap formats, such as time=ts'
complete -c mixportctl -n "__mixportctl_is 'create'" -l file -r -F -d 'the API'\''s body instead, from a file or standard input'
complete -c mixportctl -n "__mixportctl_is 'create'" -l dry-run -d 'only say whether it would be accepted'
complete -c mixportctl -n "__mixportctl_is 'create'" -l allow-duplicate -d 'also when another one imports the same'
complete -c mixportctl -n "__mixportctl_is 'create'" -l key -x -d 'the idempotency key; a new one unless said'
complete -c mixportctl -n "__mixportctl_is 'create'" -l wait -d 'for its first job to end'
complete -c mixportctl -n "__mixportctl_is_at ''" -a delete -d 'a connector, after asking'
complete -c mixportctl -n "__mixportctl_is 'delete'" -s y -l yes -d 'do not ask first'
complete -c mixportctl -n "__mixportctl_is_at 'delete'" -a '(__mixportctl_ask connectors)'
complete -c mixportctl -n "__mixportctl_is_at ''" -a refresh -d 'read a connector, or whole projects, from Mixpanel now'
complete -c mixportctl -n "__mixportctl_is 'refresh'" -l wait -x -d 'until it is done, for so long at most'
complete -c mixportctl -n "__mixportctl_is_at 'refresh'" -a '(__mixportctl_ask connectors)'
complete -c mixportctl -n "__mixportctl_is_at ''" -a jobs -d 'jobs, newest first'
complete -c mixportctl -n "__mixportctl_is 'jobs'" -l status -x -a 'queued running paused succeeded failed cancelled unknown' -d 'with one of these'
complete -c mixportctl -n "__mixportctl_is 'jobs'" -l since -x -d 'a time, a day, or how long ago: 2d'
complete -c mixportctl -n "__mixportctl_is 'jobs'" -s n -l count -x -d 'so many at most; 20 unless said'
complete -c mixportctl -n "__mixportctl_is_at 'jobs'" -a '(__mixportctl_ask connectors)'
complete -c mixportctl -n "__mixportctl_is_at ''" -a wait -d 'until it is over, with a progress bar'
complete -c mixportctl -n "__mixportctl_is 'wait'" -l for -x -a 'done success changed' -d 'done (unless said), success or changed'
complete -c mixportctl -n "__mixportctl_is 'wait'" -l timeout -x -d 'how long at most; for ever unless said'
complete -c mixportctl -n "__mixportctl_is_at 'wait'" -a '(__mixportctl_ask records)'
complete -c mixportctl -n "__mixportctl_is_at ''" -a watch -d 'follow what happens'
complete -c mixportctl -n "__mixportctl_is 'watch'" -l type -x -a 'job.* connector.* operation.* attention.* upstream.changed history.* daemon.*' -d 'of these types; job.* is all of a kind'
complete -c mixportctl -n "__mixportctl_is 'watch'" -l since -x -a 'oldest now' -d 'oldest, now (unless said), how long ago, or an id'
complete -c mixportctl -n "__mixportctl_is 'watch'" -l state -r -F -d 'keeps the position, for the next time'
complete -c mixportctl -n "__mixportctl_is 'watch'" -l exec -r -F -d 'is run for each event, with it on standard input'
complete -c mixportctl -n "__mixportctl_is 'watch'" -l skip-failures -d 'go on when the program fails'
complete -c mixportctl -n "__mixportctl_is_at 'watch'" -a '(__mixportctl_ask connectors)'
complete -c mixportctl -n "__mixportctl_is_at ''" -a attention -d 'what needs attention, worst first, and what to do'
complete -c mixportctl -n "__mixportctl_is_at ''" -a operations -d 'creates and deletes that were asked for, newest first'
complete -c mixportctl -n "__mixportctl_is 'operations'" -l state -x -a 'planned sending succeeded rejected unreachable unknown' -d 'in this state'
complete -c mixportctl -n "__mixportctl_is 'operations'" -l kind -x -a 'create delete' -d 'of this kind'
complete -c mixportctl -n "__mixportctl_is_at ''" -a resolve -d 'say what became of an operation that nobody else can tell'
complete -c mixportctl -n "__mixportctl_is 'resolve'" -l created -x -a '(__mixportctl_ask connectors)' -d 'it has created this connector'
complete -c mixportctl -n "__mixportctl_is 'resolve'" -l not-created -d 'it has created nothing'
complete -c mixportctl -n "__mixportctl_is 'resolve'" -l reason -x -d 'how that became known'
complete -c mixportctl -n "__mixportctl_is_at 'resolve'" -a '(__mixportctl_ask operations)'
complete -c mixportctl -n "__mixportctl_is_at ''" -a health -d 'what the daemon says of itself'
complete -c mixportctl -n "__mixportctl_is_at ''" -a check -d 'a plugin for monitoring systems: 0 ok, 1 warning, 2 critical, 3 unknown'
complete -c mixportctl -n "__mixportctl_is 'check'" -l connector -x -a '(__mixportctl_ask connectors)' -d 'this connector, too'
complete -c mixportctl -n "__mixportctl_is 'check'" -l max-list-age -x -d 'how old a list may be; 15m unless said'
complete -c mixportctl -n "__mixportctl_is_at ''" -a doctor -d 'what is wrong here, and what to type'
complete -c mixportctl -n "__mixportctl_is_at ''" -a token
complete -c mixportctl -n "__mixportctl_is_at 'token'" -a new -d 'a new token for callers over TCP, shown once'
complete -c mixportctl -n "__mixportctl_is 'token new'" -l scope -x -a 'read manage admin' -d 'read, manage or admin'
complete -c mixportctl -n "__mixportctl_is 'token new'" -l file -r -F -d 'the tokens file, instead of the configured one'
complete -c mixportctl -n "__mixportctl_is 'token new'" -s c -l config -r -F -d 'the daemon'\''s configuration'
complete -c mixportctl -n "__mixportctl_is 'token new'" -l no-reload -d 'do not tell the daemon'
complete -c mixportctl -n "__mixportctl_is_at 'token'" -a list -d 'the tokens there are'
complete -c mixportctl -n "__mixportctl_is 'token list'" -l file -r -F -d 'the tokens file, instead of the configured one'
complete -c mixportctl -n "__mixportctl_is 'token list'" -s c -l config -r -F -d 'the daemon'\''s configuration'
complete -c mixportctl -n "__mixportctl_is_at 'token'" -a revoke -d 'take a token'\''s rights away'
complete -c mixportctl -n "__mixportctl_is 'token revoke'" -l file -r -F -d 'the tokens file, instead of the configured one'
complete -c mixportctl -n "__mixportctl_is 'token revoke'" -s c -l config -r -F -d 'the daemon'\''s configuration'
complete -c mixportctl -n "__mixportctl_is 'token revoke'" -l no-reload -d 'do not tell the daemon'
complete -c mixportctl -n "__mixportctl_is_at ''" -a reload -d 'have the daemon read its configuration, credentials and tokens again'
complete -c mixportctl -n "__mixportctl_is_at ''" -a api -d 'any call of the API; its answer as it comes'
complete -c mixportctl -n "__mixportctl_is 'api'" -s d -l data -x -d 'the body; POST unless a method is named'
complete -c mixportctl -n "__mixportctl_is_at ''" -a completion -d 'a script for completions in this shell'
complete -c mixportctl -n "__mixportctl_is_at 'completion'" -a 'bash zsh fish'
complete -c mixportctl -n "__mixportctl_is_at ''" -a help -d 'what a command does and takes'
complete -c mixportctl -n "__mixportctl_is_at 'help'" -a 'status projects list show create delete refresh jobs wait watch attention operations resolve health check doctor token reload api completion help'
