// Where an own cluster's parts lie, which version of PostgreSQL it takes, and its configuration. See own_cluster.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace wellhead::storage {

// Port 5432 names the socket's file only; nothing listens on TCP.
inline constexpr std::string_view kSocketName = ".s.PGSQL.5432";
inline constexpr std::string_view kClusterName = "wellhead";  // of the superuser and of the database

struct ClusterLayout {
  int major = 0;
  std::filesystem::path directory;         // WELLHEAD_HOME/postgres
  std::filesystem::path data;              // directory/15
  std::filesystem::path programs;          // /usr/lib/postgresql/15/bin
  std::filesystem::path socket_directory;  // directory, or one under /tmp
  std::filesystem::path log() const { return directory / "postgresql.log"; }
  std::filesystem::path socket() const { return socket_directory / kSocketName; }
  std::string url(std::string_view database) const;
};

// Major versions that have server programs under root, with their bin directories.
std::map<int, std::filesystem::path> installed_versions(const std::filesystem::path& root);

// The newest version that has data here already and is installed; without data the newest installed one. Reads
// directory only. Error{database_unreachable} when none is installed, Error{database_version} when the data is of a
// version that is not, or the newest is older than 15.
ClusterLayout choose_layout(const std::filesystem::path& directory, const std::filesystem::path& programs_root);

// Bytes of memory this process may use: the machine's, or its control group's if less.
std::uint64_t available_memory();

// postgresql.conf, for loads on one machine.
std::string server_configuration(const ClusterLayout& layout, std::uint64_t memory, std::uint64_t free_disk);

}  // namespace wellhead::storage
