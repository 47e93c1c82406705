#!/bin/sh
# A customer's script for Claret: signs in, sends a CSV file, polls, downloads; then a full refresh.
# Usage: claret.sh HOST TENANT EMAIL PASSWORD SECONDS_BETWEEN_POLLS
set -eu
HOST=$1 TENANT=$2 EMAIL=$3 PASSWORD=$4 PAUSE=$5
API="$HOST/$TENANT/api/v1"

# The value of a member of a flat piece of JSON.
value() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

TOKEN=$(curl -sS -X POST -G --data-urlencode "email=$EMAIL" --data-urlencode "password=$PASSWORD" "$API/tokens/create" | value token)
call() { curl -sS -H "Authorization: Bearer $TOKEN" -H "X-Requested-With: XMLHttpRequest" "$@"; }

send() {
    printf 'item_name,bin_name,lot_name,date_filled,quantity,uom\n%s\n' "$1" > rows.csv
    call -F source=api -F 'arguments[allow_record_creation]=1' -F 'arguments[allow_record_update]=1' \
        -F 'arguments[should_continue_on_error]=1' -F "file=@rows.csv;type=text/csv" "$API/inventory/import/process" | value job_log_id
}

poll() {
    tries=0
    while [ $tries -lt 600 ]; do
        call "$API/imports/status/$1" > status.json
        status=$(value status < status.json)
        case $status in completed | failed) echo "$status"; return ;; esac
        tries=$((tries + 1))
        sleep "$PAUSE"
    done
    echo "gave up"
}

first() { sed -n "s/.*\"$1\": *\[\"\([^\"]*\)\".*/\1/p" status.json; }

job=$(send 'Item A,Bin 1,Lot 1,2026-03-04,12.5,kg
Item Z,Bin 1,Lot 1,2026-03-04,1,kg')
echo "import $(poll "$job")"
echo "output $(call "$HOST$(first output)" | grep -c 'Item A')"
echo "errors $(call "$HOST$(first errors)" | grep -c 'Item Z')"
echo "input $(call "$HOST$(first input)" | wc -l | tr -d ' ')"
echo "deleted $(call -H 'Content-Type: application/json' -d '{"items": ["Item A"]}' "$API/inventory/batch-delete" | value deleted)"
job=$(send 'Item A,Bin 1,Lot 1,2026-03-05,3,Kilogram')
echo "refresh $(poll "$job")"
echo "nobody $(curl -sS -o /dev/null -w '%{http_code}' -H 'X-Requested-With: XMLHttpRequest' "$API/imports/status/$job")"
