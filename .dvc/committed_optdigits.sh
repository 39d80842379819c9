# What git sees of dvc.lock (docs/internals.md): the entries of optdigits as they are committed, all others as they are.
committed=$(git show :dvc.lock 2>/dev/null)
{ printf '%s\n' "$committed"; echo ---; cat; } | awk '
  /^  [^ -]/ { name = $1 }
  $0 == "---" { working = 1; name = ""; next }
  !working { if (name ~ /@optdigits/) kept[name] = kept[name] $0 "\n"; next }
  /^  [^ -]/ && name in kept { printf "%s", kept[name] }
  !(name in kept)
'
