# SPDX-License-Identifier: LGPL-2.1-or-later
# What headers define, from the output of clang -E -dD '-D__attribute__(x)=':
#   macro|call|function|object|type|tag|enum NAME, and member TYPE MEMBER.
# files: which headers, as a regular expression

/^# [0-9]+ "/ { split($0, part, "\""); on = part[2] ~ files; next }
!on { next }
/^#define / {
	name = $2
	kind = name ~ /\(/ ? "call" : "macro"
	sub(/\(.*/, "", name)
	print kind, name
	next
}
/^#/ { next }
{
	for (i = 1; i <= length($0); i++) {
		c = substr($0, i, 1)
		if (c == "{" && !depth++) {
			head = text
			body = ""
			continue
		}
		if (c == "}" && !--depth) {
			if (head !~ /(struct|union|enum)[ \t]*[A-Za-z0-9_]*[ \t]*$/) {
				declared(head)
				text = head = ""
			}
			continue
		}
		if (depth)
			body = body c
		else if (c != ";")
			text = text c
		else {
			declared(text)
			text = head = ""
		}
	}
	if (depth)
		body = body " "
	else
		text = text " "
}

function squeeze(text) {
	gsub(/[ \t]+/, " ", text)
	sub(/^ /, "", text)
	sub(/ $/, "", text)
	return text
}

function declared(text,  n, word, i, name, first) {
	text = squeeze(text)
	if (text == "" || text ~ /__C_ASSERT__|_Static_assert|^extern "C/)
		return
	if (text ~ /^(typedef )?(struct|union|enum)/ && head ~ /enum/)
		enumerators()
	name = text
	sub(/^typedef /, "", name)
	if (match(name, /^(struct|union|enum) [A-Za-z0-9_]+/)) {
		name = substr(name, RSTART, RLENGTH)
		print "tag", name
		if (head != "" && text !~ /^typedef/ && head !~ /enum/)
			members(name, body)
	}
	if (text ~ /^typedef /) {
		sub(/^typedef (const )?((struct|union|enum) )?/, "", text)
		if (head != "" && text ~ /^[A-Za-z0-9_]+ [^,]/)
			sub(/^[A-Za-z0-9_]+ /, "", text)
		if (match(text, /\( *\*? *[A-Za-z0-9_]+ *\) *\(/)) {
			name = substr(text, RSTART, RLENGTH)
			gsub(/[^A-Za-z0-9_]/, "", name)
			print "type", name
			return
		}
		sub(/ *\(.*/, "", text)
		n = split(text, word, ",")
		for (i = 1; i <= n; i++) {
			name = declarator(word[i])
			print "type", name
			if (head != "" && head !~ /enum/ && word[i] !~ /\*/)
				members(name, body)
		}
		return
	}
	if (text ~ /^(struct|union|enum) [A-Za-z0-9_]+$/)
		return
	if (text ~ /\(/) {
		sub(/ *\(.*/, "", text)
		print "function", declarator(text)
	} else {
		print "object", declarator(text)
	}
}

function declarator(text) {
	sub(/[:[].*/, "", text)
	text = squeeze(text)
	sub(/.*[ *]/, "", text)
	return text
}

function enumerators(  n, word, i) {
	n = split(body, word, ",")
	for (i = 1; i <= n; i++) {
		sub(/=.*/, "", word[i])
		gsub(/[ \t]/, "", word[i])
		if (word[i] != "")
			print "enum", word[i]
	}
}

# Of an inner structure without a name they are the outer one's.
function members(type, text,  i, c, level, piece, inner) {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "{" && !level++) {
			inner = ""
		} else if (c == "}" && !--level) {
			piece = "}"
		} else if (level) {
			inner = inner c
		} else if (c != ";") {
			piece = piece c
		} else {
			if (piece ~ /^} *$/)
				members(type, inner)
			else
				member(type, piece)
			piece = ""
		}
	}
}

function member(type, piece,  n, word, i, name) {
	sub(/^}/, "", piece)
	if (match(piece, /\( *\*? *[A-Za-z0-9_]+ *\) *\(/)) {
		name = substr(piece, RSTART, RLENGTH)
		gsub(/[^A-Za-z0-9_]/, "", name)
		print "member", type, name
		return
	}
	n = split(piece, word, ",")
	for (i = 1; i <= n; i++)
		print "member", type, declarator(word[i])
}
