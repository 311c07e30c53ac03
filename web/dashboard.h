// The files of the dashboard, bundled by Vite and embedded at build; nothing is read or fetched at run time.
//
// Empty when the build had no npm, or could not bundle them: then dashboard_missing() says why, for a page that stands
// in.
#pragma once

#include <span>
#include <string_view>

namespace wellhead::web {

struct DashboardFile {
  // "index.html", and below "assets/" files with a digest of their content in the name, which never change.
  std::string_view path;
  std::string_view content_type;
  std::string_view gzip;  // the bytes as gzip (RFC 1952)
};

std::span<const DashboardFile> dashboard_files();

// Why there are none, as a sentence; empty when there are.
std::string_view dashboard_missing();

}  // namespace wellhead::web
