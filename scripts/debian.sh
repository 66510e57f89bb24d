# Debian packages for the scripts beside this one, which source it at the root of the clone: installed as root; unpacked
# with what they depend on into a folder of the clone for an ordinary user.
services=$PWD/.services
debian() {
  if [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
    return
  fi
  local own=$services/debian
  mkdir -p "$own"/{lists/partial,cache/archives/partial,root}
  local apt=(apt-get -qq -o "Dir::State::lists=$own/lists" -o "Dir::Cache=$own/cache" -o Debug::NoLocking=1)
  "${apt[@]}" update
  local needed
  needed=$("${apt[@]}" -s install --no-install-recommends "$@" | awk '/^Inst / {print $2}')
  # shellcheck disable=SC2086
  (cd "$own" && "${apt[@]}" download $needed && for package in *.deb; do dpkg -x "$package" root; done && rm -- *.deb)
  # Links to the root of the file system would lead out of the folder.
  find "$own/root" -type l -lname '/*' | while read -r link; do
    target=$own/root$(readlink "$link")
    if [ -e "$target" ]; then ln -sfn "$target" "$link"; fi
  done
}
