#include "library/meta/setting_value.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <limits>
#include <utility>

namespace wellhead::meta {
namespace {

using Suffix = std::pair<std::string_view, std::int64_t>;
constexpr auto kDurationSuffixes =
    std::to_array<Suffix>({{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}});
constexpr auto kByteSuffixes = std::to_array<Suffix>(
    {{"KiB", std::int64_t{1} << 10}, {"MiB", std::int64_t{1} << 20}, {"GiB", std::int64_t{1} << 30}});

std::optional<std::int64_t> factor_of(const SettingDefinition& definition, std::string_view suffix) {
  if (suffix.empty()) {
    if (definition.kind != SettingKind::duration) return 1;
    return definition.unit == "days" ? 86'400'000 : 1'000;
  }
  if (definition.kind == SettingKind::duration) {
    for (const auto& [name, factor] : kDurationSuffixes) {
      if (suffix == name) return factor;
    }
  } else if (definition.kind == SettingKind::bytes) {
    for (const auto& [name, factor] : kByteSuffixes) {
      if (suffix == name) return factor;
    }
  }
  return std::nullopt;
}

bool is_url(std::string_view text, std::initializer_list<std::string_view> schemes) {
  for (const auto scheme : schemes) {
    if (!text.starts_with(scheme)) continue;
    const auto host = text.substr(scheme.size(), text.find_first_of("/?#", scheme.size()) - scheme.size());
    const bool has_blank = text.find_first_of(" \t\r\n") != std::string_view::npos;
    return !host.empty() && host.front() != ':' && !host.ends_with('@') && !has_blank;
  }
  return false;
}

bool is_database_url(std::string_view text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://") ||
         (text.find("://") == std::string_view::npos && text.find('=') != std::string_view::npos);
}

bool is_blob_url(std::string_view text) {
  return text.starts_with("file:///") ||
         (is_url(text, {"s3://", "azure://"}) && text.find('@') == std::string_view::npos);
}

// host:port or [address]:port
bool is_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto host = text.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!bracketed && host.find_first_of(":[] /") != std::string_view::npos) return false;
  const auto port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size();
}

bool is_choice(std::string_view choices, std::string_view text) {
  if (text.empty() || text.find('|') != std::string_view::npos) return false;
  return fmt::format("|{}|", choices).find(fmt::format("|{}|", text)) != std::string::npos;
}

std::optional<std::string> absolute_path(std::string_view text) {
  if (text.empty() || text.find('\0') != std::string_view::npos) return std::nullopt;
  auto path = std::filesystem::absolute(text).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string duration_text(std::int64_t milliseconds) {
  for (std::size_t i = kDurationSuffixes.size(); i-- > 0;) {
    const auto& [suffix, factor] = kDurationSuffixes[i];
    if (milliseconds >= factor && milliseconds % factor == 0) return fmt::format("{}{}", milliseconds / factor, suffix);
  }
  return "0";
}

std::string bytes_text(std::int64_t bytes) {
  for (std::size_t i = kByteSuffixes.size(); i-- > 0;) {
    const auto& [suffix, factor] = kByteSuffixes[i];
    if (bytes >= factor && bytes % factor == 0) return fmt::format("{}{}", bytes / factor, suffix);
  }
  return fmt::format("{}", bytes);
}

}  // namespace

std::optional<std::int64_t> parse_number(const SettingDefinition& definition, std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const auto factor = factor_of(definition, text.substr(static_cast<std::size_t>(end - text.data())));
  if (!factor || number > std::numeric_limits<std::int64_t>::max() / *factor) return std::nullopt;
  return number * *factor;
}

std::optional<std::string> normalized(const SettingDefinition& definition, std::string_view text) {
  const auto keep_if = [&](bool good) { return good ? std::optional(std::string(text)) : std::nullopt; };
  switch (definition.kind) {
    case SettingKind::text:
      return keep_if(text.find('\0') == std::string_view::npos && text.find('\n') == std::string_view::npos);
    case SettingKind::http_url:
      return keep_if(is_url(text, {"http://", "https://"}));
    case SettingKind::database_url:
      return keep_if(is_database_url(text));
    case SettingKind::blob_url:
      return keep_if(is_blob_url(text));
    case SettingKind::path:
      return absolute_path(text);
    case SettingKind::address:
      return keep_if(is_address(text));
    case SettingKind::choice:
      return keep_if(is_choice(definition.choices, text));
    case SettingKind::integer:
    case SettingKind::duration:
    case SettingKind::bytes:
      const auto number = parse_number(definition, text);
      return keep_if(number && *number >= definition.least && *number <= definition.most);
  }
  return std::nullopt;
}

std::string expectation(const SettingDefinition& definition) {
  switch (definition.kind) {
    case SettingKind::text:
      return "text on one line";
    case SettingKind::http_url:
      return "a URL that begins with http:// or https://";
    case SettingKind::database_url:
      return "a URL like postgresql://user@host/database";
    case SettingKind::blob_url:
      return "a URL like file:///var/lib/wellhead/blobs, s3://bucket/prefix or azure://container/prefix";
    case SettingKind::path:
      return "a path";
    case SettingKind::address:
      return "an address like 127.0.0.1:8080";
    case SettingKind::choice: {
      std::string list(definition.choices);
      for (auto at = list.find('|'); at != std::string::npos; at = list.find('|', at)) list.replace(at, 1, ", ");
      return "one of " + list;
    }
    case SettingKind::integer:
      return fmt::format("an integer from {} to {}", definition.least, definition.most);
    case SettingKind::duration:
      return fmt::format("a time like 500ms, 10s, 2m or 7d, from {} to {}", duration_text(definition.least),
                         duration_text(definition.most));
    case SettingKind::bytes:
      return fmt::format("a size like 65536, 512KiB or 64MiB, from {} to {}", bytes_text(definition.least),
                         bytes_text(definition.most));
  }
  return {};
}

}  // namespace wellhead::meta
