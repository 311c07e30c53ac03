#include "library/meta/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "library/meta/describe.h"

namespace wellhead::meta {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kTime = "2026-01-31T10:42:00.000000Z";

TEST(Logging, WritesTextWithFields) {
  const LogFields fields{.run = RunId{7}, .zipcode = Zipcode::parse("02139"), .step = "load/3"};
  EXPECT_EQ(format_log_line(LogFormat::text, kTime, "info", fields, "done"),
            "2026-01-31T10:42:00.000000Z info    done run=7 zipcode=02139 step=load/3");
  EXPECT_EQ(format_log_line(LogFormat::text, kTime, "warning", {}, "x"), "2026-01-31T10:42:00.000000Z warning x");
}

TEST(Logging, WritesJsonLines) {
  const LogFields fields{.run = RunId{7}, .zipcode = Zipcode::parse("02139"), .step = "load/3"};
  EXPECT_EQ(format_log_line(LogFormat::json, kTime, "info", fields, "say \"hi\"\n"),
            R"({"time":"2026-01-31T10:42:00.000000Z","level":"info","run":7,"zipcode":"02139","step":"load/3",)"
            R"("message":"say \"hi\"\n"})");
  EXPECT_EQ(format_log_line(LogFormat::json, kTime, "info", {}, "x"),
            R"({"time":"2026-01-31T10:42:00.000000Z","level":"info","message":"x"})");
}

TEST(Logging, NamesRequestAndTrace) {
  const LogFields fields{.request = "a1b2",
                         .trace = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")};
  EXPECT_EQ(format_log_line(LogFormat::text, kTime, "info", fields, "x"),
            "2026-01-31T10:42:00.000000Z info    x request=a1b2 trace=4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(format_log_line(LogFormat::json, kTime, "info", fields, "x"),
            R"({"time":"2026-01-31T10:42:00.000000Z","level":"info","request":"a1b2",)"
            R"("trace":"4bf92f3577b34da6a3ce929d0e0e4736","message":"x"})");
  EXPECT_FALSE(current_trace());
  const LogScope scope(fields);
  EXPECT_EQ(current_trace()->trace_id, fields.trace->trace_id);
}

TEST(Logging, KeepsAMessageOnItsLine) {
  const auto line = format_log_line(LogFormat::text, kTime, "info", {}, "a\nb\x1b[2Jc");
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_THAT(line, HasSubstr("a\\x0ab\\x1b[2Jc"));
}

TEST(Logging, LogsWhatTheThreadWorksOn) {
  ::testing::internal::CaptureStderr();
  start_logging({.level = "info", .format = LogFormat::json});
  {
    const LogScope outer({.run = RunId{7}, .zipcode = Zipcode::parse("02139")});
    {
      const LogScope inner({.step = "load/3"});
      spdlog::info("inner {}", 1);
      spdlog::debug("not logged");
    }
    spdlog::warn("outer");
  }
  spdlog::info("none");
  const auto text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr(R"("run":7,"zipcode":"02139","step":"load/3","message":"inner 1"})"
                              "\n"));
  EXPECT_THAT(text, HasSubstr(R"("level":"warning","run":7,"zipcode":"02139","message":"outer"})"
                              "\n"));
  EXPECT_THAT(text, HasSubstr(R"("level":"info","message":"none"})"
                              "\n"));
  EXPECT_THAT(text, Not(HasSubstr("not logged")));
}

}  // namespace
}  // namespace wellhead::meta
