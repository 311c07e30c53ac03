#include "library/meta/trace.h"

#include <gtest/gtest.h>

#include <string>

namespace wellhead::meta {
namespace {

constexpr const char* kGiven = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, IsReadAndWritten) {
  const auto trace = TraceContext::parse(kGiven);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace->parent_id, "00f067aa0ba902b7");
  EXPECT_TRUE(trace->sampled);
  EXPECT_EQ(trace->header(), kGiven);
  EXPECT_FALSE(TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02")->sampled);
}

TEST(TraceContext, GoesOnUnderAParentOfItsOwn) {
  const auto trace = *TraceContext::parse(kGiven);
  const auto child = trace.child();
  EXPECT_EQ(child.trace_id, trace.trace_id);
  EXPECT_NE(child.parent_id, trace.parent_id);
  EXPECT_TRUE(TraceContext::parse(child.header()));
  EXPECT_TRUE(TraceContext::parse(TraceContext::make().header()));
  EXPECT_NE(TraceContext::make().trace_id, TraceContext::make().trace_id);
}

TEST(TraceContext, IsAbsentWhenItIsMalformed) {
  for (const std::string bad : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                                "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
                                "00-4bf92f3577b34da6a3ce929d0e0e473\n-00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(TraceContext::parse(bad)) << bad;
  }
  // A later version may have more behind.
  EXPECT_TRUE(TraceContext::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
}

}  // namespace
}  // namespace wellhead::meta
