# shellcheck shell=bash
# The rows of the bench: each printed as soon as it is there, all of them in target/bench.json at the end.
# A row compares our figure with a reference that was measured in the same run. "ratio" says how many times better ours is.

ROWS=$ROOT/target/bench.rows
NOTES=$ROOT/target/bench.notes

rows_begin() {
  mkdir -p "${ROWS%/*}"
  : >"$ROWS"
  : >"$NOTES"
  printf '%-66s %-6s %10s %10s %7s %8s  %s\n' subject unit ours reference ratio target met
}

# more NAME UNIT OURS REFERENCE [TARGET]    more is better; TARGET is for ours / reference
more() { row "$1" "$2" "$3" "$4" "($3) / ($4)" "${5:-null}" '.ratio >= .target'; }
# less NAME UNIT OURS REFERENCE [TARGET]    less is better; TARGET is for reference / ours
less() { row "$1" "$2" "$3" "$4" "($4) / ($3)" "${5:-null}" '.ratio >= .target'; }
# limit NAME UNIT OURS TARGET [REFERENCE]   ours may be TARGET at most
limit() { row "$1" "$2" "$3" "${5:-null}" null "$4" '.ours <= .target'; }
# note TEXT: under the table; why a target is missed, what a figure is made of
note() { printf '%s\n' "$*" >>"$NOTES"; }

row() { # NAME UNIT OURS REFERENCE RATIO TARGET MET; the last three are jq's
  jq -nc --arg name "$1" --arg unit "$2" "
    def r(d): if . == null then . else . * d | round / d end;
    {\$name, \$unit, ours: ($3), reference: ($4), ratio: ($5 | r(1000)), target: $6} |
    .met = (if .target == null then null else $7 end) |
    .ours |= r(1000) | .reference |= r(1000)" >>"$ROWS"
  tail -n 1 "$ROWS" | jq -r '
    def short: if . == null then "-" elif . >= 1000 then round else . * 100 | round / 100 end | tostring;
    [.name, .unit, (.ours | short), (.reference | short), (.ratio | short), (.target | short),
     (if .met == null then "-" elif .met then "yes" else "NO" end)] | @tsv' |
    awk -F'\t' '{ printf "%-66s %-6s %10s %10s %7s %8s  %s\n", $1, $2, $3, $4, $5, $6, $7 }'
}

rows_end() {
  jq -s . "$ROWS" >"$ROOT/target/bench.json"
  [ ! -s "$NOTES" ] || { echo; sed 's/^/- /' "$NOTES" | fold -s -w 118; }
  rm -f "$ROWS" "$NOTES"
  jq -r '"\n\(map(select(.met == true)) | length) targets met, \(map(select(.met == false)) | length) missed; written to target/bench.json"' "$ROOT/target/bench.json"
}

# median: of the numbers on stdin, one per line
median() { jq -s 'sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end'; }
