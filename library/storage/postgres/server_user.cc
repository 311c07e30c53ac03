#include "library/storage/postgres/server_user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

constexpr int kCannotBecomeUser = 126;
constexpr int kCannotExecute = 127;

[[noreturn]] void fail(std::string_view what) {
  throw meta::Error(meta::ErrorCode::database_unreachable, fmt::format("{}: {}", what, ::strerror(errno)),
                    "Free memory or processes, or set WELLHEAD_DATABASE_URL to a server that is running");
}

ServerUser make_user(const passwd& entry) { return {entry.pw_uid, entry.pw_gid, entry.pw_name}; }

ServerUser user_of(uid_t uid, gid_t gid) {
  if (const passwd* entry = ::getpwuid(uid)) return make_user(*entry);
  return {uid, gid, fmt::format("{}", uid)};
}

ServerUser unprivileged_user() {
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = ::getpwnam(name); entry != nullptr && entry->pw_uid != 0) return make_user(*entry);
  }
  constexpr uid_t nobody = 65534;
  return {nobody, nobody, "nobody"};
}

// In the child.
bool become(const ServerUser& user) {
  if (!user.differs()) return true;
  return ::setgroups(1, &user.gid) == 0 && ::setgid(user.gid) == 0 && ::setuid(user.uid) == 0;
}

// In the child: what a program expects to find, whatever this process has changed.
void reset_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGQUIT}) ::signal(number, SIG_DFL);
}

[[noreturn]] void execute(const ServerUser& user, char* const* arguments, int output) {
  ::setsid();
  reset_signals();
  const int input = ::open("/dev/null", O_RDONLY);
  if (::dup2(output, STDOUT_FILENO) < 0 || ::dup2(output, STDERR_FILENO) < 0 || ::dup2(input, STDIN_FILENO) < 0) {
    ::_exit(kCannotExecute);
  }
  ::close_range(3, ~0U, 0);
  if (!become(user) || ::chdir("/") != 0) ::_exit(kCannotBecomeUser);
  ::umask(077);
  static std::array<char*, 3> environment = {const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
                                             const_cast<char*>("LC_ALL=C.UTF-8"), nullptr};
  ::execve(arguments[0], arguments, environment.data());
  ::_exit(kCannotExecute);
}

int exit_status(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("waiting for a child process failed");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

bool ServerUser::differs() const { return ::geteuid() != uid; }

ServerUser choose_server_user(const std::filesystem::path& directory) {
  struct stat found{};
  const bool exists = ::stat(directory.c_str(), &found) == 0;
  const uid_t self = ::geteuid();
  if (exists && found.st_uid != 0 && (self == 0 || self == found.st_uid)) return user_of(found.st_uid, found.st_gid);
  if (self == 0) return unprivileged_user();
  if (!exists) return user_of(self, ::getegid());
  throw meta::Error(meta::ErrorCode::database_unreachable,
                    fmt::format("{} belongs to the user {}, and this is {}", directory.string(),
                                user_of(found.st_uid, found.st_gid).name, user_of(self, ::getegid()).name),
                    "Run wellhead as that user or as root, or set WELLHEAD_HOME to a directory of your own")
      .no_retry();
}

pid_t spawn_as(const ServerUser& user, const std::vector<std::string>& command, int output) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) fail("starting a process failed");
  if (child == 0) execute(user, arguments.data(), output);
  return child;
}

int call_as(const ServerUser& user, const std::function<int()>& action) {
  const pid_t child = ::fork();
  if (child < 0) fail("starting a process failed");
  if (child == 0) {
    reset_signals();
    ::_exit(become(user) ? action() : kCannotBecomeUser);
  }
  return exit_status(child);
}

Finished run_as(const ServerUser& user, const std::vector<std::string>& command) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) fail("making a pipe failed");
  const pid_t child = spawn_as(user, command, pipe[1]);
  ::close(pipe[1]);
  Finished finished;
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto size = ::read(pipe[0], buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    finished.output.append(buffer.data(), static_cast<std::size_t>(size));
  }
  ::close(pipe[0]);
  finished.status = exit_status(child);
  return finished;
}

}  // namespace wellhead::storage
