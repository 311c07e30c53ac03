# Sourced by the scripts: named steps, with the time each took, and a plain word about what failed.

steps_begun=$SECONDS
step_times=()
test_launcher=()

# step TITLE COMMAND...: runs it, remembers its time; the script ends when it fails, with the step's name.
step() {
  local title=$1 begun=$SECONDS code=0
  shift
  printf '\n── %s\n' "$title"
  "$@" || code=$?
  step_times+=("$(printf '%6s  %s%s' "$(minutes $((SECONDS - begun)))" "$title" "$([ $code = 0 ] || echo ' FAILED')")")
  [ $code = 0 ] && return
  printf '\n%s: "%s" failed (exit %d) after %s minutes\n' "${0##*/}" "$title" "$code" "$(minutes $((SECONDS - begun)))" >&2
  return $code
}

minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

step_table() {
  printf '\nminutes\n'
  printf '%s\n' "${step_times[@]}"
  printf '%6s  in all\n' "$(minutes $((SECONDS - steps_begun)))"
}

# configure DIRECTORY OPTION...: a build directory outside git's sight. The second time it takes a second.
configure() {
  local directory=$1
  shift
  cmake -S . -B "$directory" -G Ninja --log-level=NOTICE "$@"
}

# build_release: what users run, in build/release.
build_release() {
  configure build/release -DCMAKE_BUILD_TYPE=Release -DWELLHEAD_TESTS=OFF && cmake --build build/release --target wellhead fhirsim
}

# run_tests DIRECTORY CTEST_OPTION...: fails when a test fails, when none is selected, and when one was skipped or not built.
# Its output is kept in test_log, ctest.log in the directory unless set. Runs ctest under test_launcher, if that is set.
# With CI set, up to three tests that failed are tried once more, alone: what then passes is named as unstable (in unstable.log)
# and is to be mended, but does not fail the run.
run_tests() {
  local directory=$1 code=0
  shift
  local log="$directory/${test_log:-ctest.log}"
  "${test_launcher[@]}" ctest --test-dir "$directory" --output-on-failure --no-tests=error --parallel "$(nproc)" "$@" 2>&1 |
    tee "$log" || code=$?
  if [ $code != 0 ] && [ -n "${CI:-}" ]; then
    local failed
    failed=$(sed -n '/^The following tests FAILED:/,/^Errors/s/^[[:space:]]*[0-9]* - \(.*\) (.*)$/\1/p' "$log")
    if [ -n "$failed" ] && [ "$(wc -l <<<"$failed")" -le 3 ]; then
      code=0
      "${test_launcher[@]}" ctest --test-dir "$directory" --output-on-failure --no-tests=error --rerun-failed 2>&1 |
        tee "$log.again" || code=$?
      [ $code != 0 ] || sed 's/^/UNSTABLE (failed, then passed alone): /' <<<"$failed" | tee -a "$directory/unstable.log"
    fi
  fi
  if grep -Eq '\*\*\*(Skipped|Not Run)' "$log"; then
    echo "tests were skipped or not run, which counts as failed (see $log)" >&2
    code=1
  fi
  return $code
}
