#include "library/storage/postgres/postmaster.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

namespace wellhead::storage {
namespace {

namespace fs = std::filesystem;

// The first line of postmaster.pid and of a socket's lock file; negative for a single-user server.
std::optional<pid_t> recorded_pid(const fs::path& file) {
  pid_t pid = 0;
  if (!(std::ifstream(file) >> pid) || pid == 0) return std::nullopt;
  return pid < 0 ? -pid : pid;
}

// Readable for every process, unlike /proc/PID/exe, which root in a container may not follow.
std::string command_line(pid_t pid) {
  std::ifstream file(fs::path("/proc") / std::to_string(pid) / "cmdline", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool is_server_program(std::string_view arguments) {
  const auto program = arguments.substr(0, arguments.find('\0'));
  return program.substr(program.rfind('/') + 1) == "postgres";
}

bool is_postmaster_of(pid_t pid, const fs::path& data) {
  const auto arguments = command_line(pid);
  const std::string directory = std::string("\0-D\0", 4) + data.string() + std::string("\0", 1);
  return is_server_program(arguments) && arguments.find(directory) != std::string::npos;
}

bool lives(pid_t pid) { return ::kill(pid, 0) == 0 || errno == EPERM; }

// Ended or just ending: a process that is being killed has no command line any more, and only then becomes a zombie.
// The state follows the program's name, which may hold anything, in parentheses (proc_pid_stat(5)).
bool has_ended(pid_t pid) {
  if (command_line(pid).empty()) return true;
  std::ifstream file(fs::path("/proc") / std::to_string(pid) / "stat");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto end = text.rfind(") ");
  return end != std::string::npos && text.substr(end + 2).starts_with('Z');
}

// Runs as the server's user, who may follow the links of its own processes.
int signal_processes_in(const fs::path& data) {
  int found = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    const auto program = fs::read_symlink(entry.path() / "exe", ignored).filename().string();
    if (!program.starts_with("postgres") || fs::read_symlink(entry.path() / "cwd", ignored) != data) continue;
    if (::kill(pid, SIGQUIT) == 0) ++found;
  }
  return found > 0 ? 1 : 0;
}

}  // namespace

std::optional<pid_t> find_postmaster(const fs::path& data) {
  const auto pid = recorded_pid(data / "postmaster.pid");
  if (!pid || !is_postmaster_of(*pid, data)) return std::nullopt;
  return pid;
}

PidFile inspect_pid_file(const fs::path& data) {
  const auto pid = recorded_pid(data / "postmaster.pid");
  if (!pid || !lives(*pid) || is_postmaster_of(*pid, data)) return PidFile::none_or_dead;
  return has_ended(*pid) ? PidFile::ended : PidFile::foreign;
}

bool is_stale_socket_lock(const fs::path& lock) {
  const auto pid = recorded_pid(lock);
  return pid && (!lives(*pid) || !is_server_program(command_line(*pid)));
}

bool end_orphans(const fs::path& data, const ServerUser& user) {
  std::error_code ignored;
  const auto canonical = fs::canonical(data, ignored);
  return call_as(user, [&] { return signal_processes_in(canonical); }) == 1;
}

}  // namespace wellhead::storage
