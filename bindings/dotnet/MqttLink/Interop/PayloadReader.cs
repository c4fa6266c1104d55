using System;
using System.IO;

namespace MqttLink.Interop
{
    /// <summary>A payload, read from its beginning to its end.</summary>
    internal sealed class PayloadReader : Stream
    {
        private readonly MqttMessage message;
        private long position;

        internal PayloadReader(MqttMessage message, long length)
        {
            this.message = message;
            Length = length;
        }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length { get; }

        public override long Position
        {
            get => position;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (buffer == null)
            {
                throw new ArgumentNullException(nameof(buffer));
            }
            if (offset < 0 || count < 0 || count > buffer.Length - offset)
            {
                throw new ArgumentOutOfRangeException(nameof(count), "offset and count are not inside the buffer");
            }
            if (count == 0 || position == Length)
            {
                return 0;
            }
            var done = message.Read(buffer, offset, count);
            position += done;
            return done;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin)
        {
            throw new NotSupportedException();
        }

        public override void SetLength(long value)
        {
            throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            throw new NotSupportedException();
        }
    }
}
