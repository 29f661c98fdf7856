resource "aws_ec2_capacity_reservation" "normaldance" {
  instance_type     = "m5.large"
  instance_platform = "Linux/UNIX"
  availability_zone = "us-east-1a"
  instance_count    = 10

  tags = {
    Name = "NormalDance Reserved"
  }
}
