# shellcheck shell=bash
# Seeded data through the front, and the same reads from the bare slice. The machine is shared and noisy, so the two take
# turns, and medians are compared.

bench_reads() {
  local front slice before
  attach_seeded
  front=$(front_of $DISK) slice=$(slice_of $DISK)
  on_host "sync; cat '$slice' >/dev/null" </dev/null    # both find the SSD's file in the machine's memory
  before=$(rbd_read_bytes)
  reads_compared "4 KiB random reads, depth 32" 0.95 "$front" "$slice" --rw=randread --bs=4k --iodepth=32
  reads_compared "1 MiB sequential reads, depth 4" 0.95 "$front" "$slice" --rw=read --bs=1M --iodepth=4
  limit "read from Ceph meanwhile" bytes $(($(rbd_read_bytes) - before)) 0
  reads_by_layer "$front" "$slice"
  on_disk detach $DISK
}

reads_compared() { # NAME TARGET OURS REFERENCE FIO-OPTIONS...
  local name=$1 target=$2 ours=$3 reference=$4 round a=() b=()
  shift 4
  for round in {1..7}; do
    a+=("$(fio_read "$ours" --size="$DATA" --time_based --runtime=1.5 "$@" | mb_s)")
    b+=("$(fio_read "$reference" --size="$DATA" --time_based --runtime=1.5 "$@" | mb_s)")
  done
  more "$name: front / bare slice" MB/s "$(printf '%s\n' "${a[@]}" | median)" "$(printf '%s\n' "${b[@]}" | median)" "$target"
}
