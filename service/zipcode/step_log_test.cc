#include "service/zipcode/step_log.h"

#include <gtest/gtest.h>

namespace wellhead::zipcode {
namespace {

meta::LogFields fields_of(std::string workflow_id) {
  return log_fields({.workflow_id = std::move(workflow_id),
                     .execution_id = "9",
                     .activity = "extract_patients",
                     .sequence = 3,
                     .attempt = 1,
                     .lease_epoch = 1});
}

TEST(StepLog, SaysRunZipCodeAndStep) {
  const auto fields = fields_of("load-zipcode/02139/17");
  ASSERT_TRUE(fields.run && fields.zipcode);
  EXPECT_EQ(fields.run->value, 17);
  EXPECT_EQ(fields.zipcode->text(), "02139");
  EXPECT_EQ(fields.step, "extract_patients/3");
}

TEST(StepLog, SaysTheStepAloneOfAnotherWorkflow) {
  for (const auto* id :
       {"", "tidy", "load-zipcode/02139", "load-zipcode/2139x/17", "load-zipcode/02139/x", "load-zipcode/02139/17/4"}) {
    const auto fields = fields_of(id);
    EXPECT_FALSE(fields.run || fields.zipcode) << id;
    EXPECT_EQ(fields.step, "extract_patients/3");
  }
}

}  // namespace
}  // namespace wellhead::zipcode
