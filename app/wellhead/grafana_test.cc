// config/grafana asks for nothing that the program does not count.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace wellhead::app {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Every name in the sources that has the form of a metric's; a histogram has three series.
std::set<std::string> metrics_of_the_sources() {
  std::set<std::string> names;
  const std::regex form("\"(wellhead_[a-z_]+)\"");
  for (const auto* folder : {"library", "service", "app"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(WELLHEAD_SOURCE_DIR "/" + std::string(folder))) {
      const std::string name = entry.path().filename().string();
      if (!entry.is_regular_file() || name.ends_with("_test.cc")) continue;
      if (!name.ends_with(".cc") && !name.ends_with(".h")) continue;
      const std::string text = text_of(entry.path());
      for (std::sregex_iterator found(text.begin(), text.end(), form), end; found != end; ++found) {
        for (const auto* suffix : {"", "_bucket", "_sum", "_count"}) names.insert((*found)[1].str() + suffix);
      }
      // Written without prometheus-cpp.
      if (text.find("# TYPE wellhead_zipcode_lag_seconds gauge") != std::string::npos)
        names.insert("wellhead_zipcode_lag_seconds");
    }
  }
  return names;
}

TEST(Grafana, AsksForMetricsThatExist) {
  const auto known = metrics_of_the_sources();
  ASSERT_GT(known.size(), 40U);
  simdjson::dom::parser parser;
  const auto dashboard = parser.load(WELLHEAD_SOURCE_DIR "/config/grafana/wellhead.json");
  std::set<std::string> asked;
  const std::regex name("wellhead_[a-z_]+");
  for (const auto panel : dashboard["panels"].get_array()) {
    simdjson::dom::array targets;
    if (panel["targets"].get(targets) != simdjson::SUCCESS) continue;
    for (const auto target : targets) {
      const std::string_view expression = target["expr"];
      const std::string query(expression);
      std::sregex_iterator found(query.begin(), query.end(), name);
      EXPECT_NE(found, std::sregex_iterator()) << query;
      for (; found != std::sregex_iterator(); ++found) {
        asked.insert(found->str());
        EXPECT_TRUE(known.contains(found->str())) << query;
      }
    }
  }
  EXPECT_GE(asked.size(), 15U);
}

}  // namespace
}  // namespace wellhead::app
