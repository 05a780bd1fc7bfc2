"""A bucket that several tests share, for what needs one and is not about S3."""

import uuid

import botocore.session


def bucket(endpoint: str) -> tuple[dict[str, str], str]:
    """A new bucket at an S3 server: the variables that lead to it, and its `s3://` URL."""
    variables = {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    client = botocore.session.get_session().create_client(
        "s3", region_name="us-west-2", endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="secret"
    )
    name = f"swath-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    client.close()
    return variables, f"s3://{name}"
