# What git sees of dvc.lock: the entries of optdigits as they are committed, all others as they are (docs/internals.md).
# git show :dvc.lock | awk -f .dvc/optdigits.awk - dvc.lock
/^  [^ -]/ { name = $1 }
FNR == NR { if (name ~ /@optdigits/) committed[name] = committed[name] $0 "\n"; next }
/^  [^ -]/ && name in committed { printf "%s", committed[name] }
!(name in committed)
