"""What the settings of a project mean."""

from finetune.settings import Settings


def test_every_key_has_a_default() -> None:
    assert Settings() == Settings.model_validate({})


def test_a_base_model_may_be_named_by_its_arn() -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-2-lite-v1:0:256k"
    assert Settings(base_model=arn).base_model == "amazon.nova-2-lite-v1:0:256k"


def test_numbers_reach_bedrock_as_plain_strings() -> None:
    given = {"epochCount": 2, "learningRate": 1.0e-5, "batchSize": "1e-5", "stepCount": "auto"}
    assert Settings.model_validate({"hyperparameters": given}).hyperparameters == {
        "epochCount": "2",
        **dict.fromkeys(("learningRate", "batchSize"), "0.00001"),
        "stepCount": "auto",
    }
